// The iteration in matrices: the forward pass from left to right, the backward pass below it, each
// gradient under its weights. `content.matrices` has the arrays, shelf by shelf, with the columns of
// their entries.
class Matrices {
  constructor(box, content) {
    this.box = box;
    this.cells = [];
    content.matrices.forEach((shelf) => this.shelve(shelf));
  }

  shelve({ lines, frames, strips }) {
    const table = element("table", { class: "matrices" }, this.box);
    lines.forEach((title, line) => {
      const row = element("tr", {}, table);
      element("th", { text: title, scope: "row" }, row);
      for (let strip = 0; strip < strips; strip += 1) {
        const place = element("td", {}, row);
        const frame = frames.find((one) => one.line === line && one.strip === strip);
        if (frame) this.draw(place, frame);
      }
    });
  }

  draw(place, { label, says, phase, rows, names, heads }) {
    const frame = element("div", { class: `frame p${phase}` }, place);
    element("b", { text: label }, frame);
    element("i", { text: says.replace(/[0-9]\.(?=[0-9])/g, localised) || "\u00a0" }, frame);
    const table = element("table", { "aria-label": label }, frame);
    if (heads.length) {
      const line = element("tr", {}, table);
      if (names.length) element("th", {}, line);
      heads.forEach((name) => element("th", { text: name, scope: "col" }, line));
    }
    rows.forEach((columns, index) => {
      const line = element("tr", {}, table);
      if (names.length) element("th", { text: names[index], scope: "row" }, line);
      columns.forEach((column) => this.cells.push([element("td", {}, line), column]));
    });
  }

  // `say` gives a column's text, or null where it may not be seen.
  update(say) {
    this.cells.forEach(([cell, column]) => {
      const text = column === null ? "–" : say(column);
      cell.textContent = text ?? "?";
      cell.classList.toggle("unseen", text === null);
    });
  }
}

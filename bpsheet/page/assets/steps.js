// The table of steps: a row for each iteration, as on the sheet, up to the iteration that is shown.
// A table of more than MOST_PRINTED columns is not printed.
const ROWS = 10, MOST_COLUMNS = 120, MOST_PRINTED = 36;
const GROUPS = ["Example", "Weights", "Forward pass", "Backward pass", "Gradient", "Adjustments", "Tests"];

function element(tag, { text, ...attributes } = {}, parent = null) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (parent) parent.append(node);
  return node;
}

class Steps {
  constructor(table, content, go) {
    Object.assign(this, { table, content, go });
    this.body = element("tbody");
  }

  // Writes the heads of these columns. Returns the number of columns that have no room.
  columns(columns) {
    const shown = columns.slice(0, MOST_COLUMNS), { phases, names } = this.content;
    this.shown = shown;
    const head = element("thead"), bands = element("tr", {}, head), line = element("tr", {}, head);
    for (let from = 0; from < shown.length;) {
      const phase = phases[shown[from]];
      let until = from;
      while (until < shown.length && phases[shown[until]] === phase) until += 1;
      const band = element("th", { class: `band p${phase}`, colspan: until - from, scope: "colgroup" }, bands);
      element("span", { text: GROUPS[phase] }, band);
      from = until;
    }
    shown.forEach((column) => element("th", { text: names[column], class: `p${phases[column]}`, scope: "col" }, line));
    this.table.replaceChildren(this.table.caption ?? "", head, this.body);
    this.table.classList.toggle("too-wide", shown.length > MOST_PRINTED);
    return columns.length - shown.length;
  }

  // `say` gives a cell's text, or null where it may not be seen.
  update(iteration, say) {
    const first = max(1, iteration - ROWS + 1), rows = [];
    for (let number = first; number <= iteration; number += 1) {
      const row = element("tr", number === iteration ? { class: "now", "aria-current": "step" } : {});
      this.shown.forEach((column, position) => {
        const text = say(number - 1, column);
        if (position) {
          element("td", { text: text ?? "?", class: `p${this.content.phases[column]}${text === null ? " unseen" : ""}` }, row);
          return;
        }
        const cell = element("th", { scope: "row" }, row);
        const button = element("button", { text, type: "button", title: `Go to iteration ${number}` }, cell);
        button.addEventListener("click", () => this.go(number));
      });
      rows.push(row);
    }
    this.body.replaceChildren(...rows);
  }
}

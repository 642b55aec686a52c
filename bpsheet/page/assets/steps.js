// The table of steps: a row for each iteration, as on the sheet. Rows after the iteration that is
// shown are empty. On paper the columns stand in blocks of
// at most PRINTED characters, below one another.
const ROWS = 10, MOST_COLUMNS = 120, PRINTED = 120, WIDTH = 10;
const GROUPS = ["Example", "Weights", "Forward pass", "Backward pass", "Gradient", "Validation", "Adjustments", "Tests"];

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
    this.table.replaceChildren(head, this.body);
    return columns.length - shown.length;
  }

  // `say` gives a cell's text, or null where it may not be seen. `last` is the run's last iteration.
  update(iteration, last, say) {
    const first = max(1, iteration - ROWS + 1), rows = [];
    for (let number = first; number <= min(last, first + ROWS - 1); number += 1) {
      const is = number === iteration ? { class: "now", "aria-current": "step" } : number > iteration ? { class: "ahead" } : {};
      const row = element("tr", is);
      this.shown.forEach((column, position) => {
        const text = number > iteration ? "" : say(number - 1, column);
        if (position) {
          element("td", { text: text ?? "?", class: `p${this.content.phases[column]}${text === null ? " unseen" : ""}` }, row);
          return;
        }
        const cell = element("th", { scope: "row" }, row);
        const button = element("button", { text: String(number), type: "button", title: `Go to iteration ${number}` }, cell);
        button.addEventListener("click", () => this.go(number));
      });
      rows.push(row);
    }
    this.body.replaceChildren(...rows);
  }

  // Writes the rows for paper: each block of columns is a table that begins with the iterations.
  print(box, iteration, say, columns) {
    const { phases, names } = this.content, [numbers, ...rest] = columns;
    const iterations = Array.from({ length: min(ROWS, iteration) }, (_, index) => iteration - min(ROWS, iteration) + 1 + index);
    box.replaceChildren();
    while (rest.length) {
      const block = [];
      for (let room = PRINTED; rest.length && (room > 0 || !block.length);) {
        room -= 2 + max(names[rest[0]].length, WIDTH);
        if (room >= 0 || !block.length) block.push(rest.shift());
      }
      const table = element("table", {}, box);
      const head = element("tr", {}, element("thead", {}, table));
      [numbers, ...block].forEach((column) => element("th", { text: names[column], class: `band p${phases[column]}`, scope: "col" }, head));
      const body = element("tbody", {}, table);
      iterations.forEach((number) => {
        const row = element("tr", number === iteration ? { class: "now" } : {}, body);
        element("th", { text: String(number), scope: "row" }, row);
        block.forEach((column) => element("td", { text: say(number - 1, column) ?? "?" }, row));
      });
    }
  }
}

// The table of the examples: numbers to type over, rows to add and remove, and cells of a
// spreadsheet to paste. Of many examples it shows those around the presented one.
const MOST_SHOWN = 250, MOST_EXAMPLES = 10000;

class Examples {
  // `edits` makes the fields. `mayGrow` says whether there may be more examples, or fewer.
  constructor(edits) {
    Object.assign(this, { edits, run: edits.run, content: edits.content });
    this.mayGrow = edits.content.mark !== null;
  }

  get count() { return this.run.tables[0].length; }

  // Writes the table into a box.
  show(box, example) {
    const names = this.content.tables.map(([name]) => name);
    const most = max(1, Math.floor(MOST_SHOWN / names.length)), first = this.count <= most ? 0 : min(max(0, example - 1 - Math.floor(most / 2)), this.count - most);
    const rows = Array.from({ length: min(most, this.count) }, (_, index) => first + index);
    const notes = [rows.length < this.count ? `Of ${counted(this.count)} examples, numbers ${counted(first + 1)} to ${counted(first + rows.length)} are shown.` : "",
      this.mayGrow ? "Cells of a spreadsheet may be pasted here." : "The order in which the examples come is part of the experiment, so their number is fixed."];
    element("p", { text: notes.filter(Boolean).join(" "), class: "note" }, box);
    const scroll = element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Examples" }, box);
    const table = element("table", { id: "examples" }, scroll);
    const head = element("tr", {}, element("thead", {}, table));
    ["", ...names].forEach((name) => element(name ? "th" : "td", name ? { text: name, scope: "col" } : {}, head));
    const body = element("tbody", {}, table);
    rows.forEach((row) => this.row(body, names, row));
    const presented = body.children[example - 1 - first];
    presented?.classList.add("presented");
    scroll.scrollTop = presented ? presented.offsetTop - 3 * presented.offsetHeight : 0;
    if (!this.mayGrow) return;
    const more = element("button", { text: "Add an example", type: "button" }, element("p", { class: "actions" }, box));
    more.disabled = this.count >= MOST_EXAMPLES;
    more.addEventListener("click", () => {
      this.run.tables.forEach((table) => table.push(table.at(-1)));
      this.changed();
      document.getElementById(`edit-${names[0]}[${this.count}]`)?.focus();
    });
  }

  row(body, names, row) {
    const line = element("tr", {}, body);
    element("th", { text: String(row + 1), scope: "row" }, line);
    names.forEach((name, table) => {
      const cell = element("td", {}, line);
      const input = this.edits.input(cell, `edit-${name}[${row + 1}]`, this.run.tables[table][row], (value) => { this.run.tables[table][row] = value; });
      input.setAttribute("aria-label", `${name}[${row + 1}]`);
      input.addEventListener("paste", (event) => this.paste(event, row, table));
    });
    if (!this.mayGrow || this.count === 1) return;
    const remove = element("button", { text: "×", type: "button", class: "quiet", "aria-label": `Remove example ${row + 1}` }, element("td", {}, line));
    remove.addEventListener("click", () => {
      this.run.tables.forEach((table) => table.splice(row, 1));
      this.changed();
    });
  }

  // Pasted cells of a spreadsheet go into the cells from here on. All of them count, or none.
  paste(event, row, column) {
    const text = event.clipboardData.getData("text").replace(/\r\n?/g, "\n").replace(/\n$/, "");
    if (!/[\t\n]/.test(text)) return;
    event.preventDefault();
    const problem = this.put(text.split("\n").map((line) => line.split("\t")), row, column);
    this.edits.tell(problem || "The cells are pasted.");
    if (!problem) this.changed();
  }

  // Puts rows of texts into the tables. Returns what is wrong with them, or "".
  put(rows, row, column) {
    const { tables } = this.run, end = row + rows.length;
    if (end > this.count && !this.mayGrow) return `There are ${this.count} examples, and their number is fixed: nothing was pasted.`;
    if (end > MOST_EXAMPLES) return `A page holds at most ${counted(MOST_EXAMPLES)} examples: nothing was pasted.`;
    const numbers = [];
    for (const [line, cells] of rows.entries()) {
      if (column + cells.length > tables.length) return `Row ${line + 1} has ${cells.length} cells; ${tables.length - column} fit here: nothing was pasted.`;
      numbers.push(cells.map(this.edits.number));
      const wrong = numbers[line].findIndex((value) => value === null);
      if (wrong >= 0) return `Row ${line + 1}, cell ${wrong + 1}: "${cells[wrong].slice(0, 20)}" is no number; nothing was pasted.`;
    }
    while (this.count < end) tables.forEach((table) => table.push(table.at(-1)));
    numbers.forEach((line, number) => line.forEach((value, place) => { tables[column + place][row + number] = value; }));
    return "";
  }

  changed() {
    this.edits.changed();
    this.edits.again();
  }
}

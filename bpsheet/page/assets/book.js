// The workbook with the page's numbers: Python has written its parts, the page fills in the rows.
const ROWS_MARK = "{rows}", ROWS_AT_ONCE = 64, FIRST_ROW = 8, LEAST_DATA = 2, PIECE = 16000;

class Book {
  // `book` has the parts and the templates, `file` is the experiment file's text.
  constructor(book, content, run, file) {
    Object.assign(this, { book, content, run, file });
    this.examples = run.tables[0]?.length ?? 1;
  }

  // The workbook as a file.
  make() {
    this.run.ensure(this.run.rows);
    const { steps, data, about } = this.book, special = {
      [steps]: (text) => this.around(this.withParameters(text), this.steps()),
      [data?.part]: (text) => this.around(text, this.data()),
      [about.part]: (text) => this.about(text),
      "xl/workbook.xml": (text) => [text.replace(/(About!\$A\$1:\$E\$)[0-9]+/, `$1${about.row + this.lines().length}`)],
    };
    return zipped(this.book.parts.map(([name, text]) => [name, (special[name] ?? ((whole) => [whole]))(this.counted(text, name))]));
  }

  // A text in which the mark for the number of examples is that number.
  counted(text, name = "xl/worksheets/") {
    const { mark } = this.content;
    if (mark === null || !/worksheets|comments|workbook.xml/.test(name)) return text;
    return text.replace(new RegExp(`(?<![0-9.])(${mark}|${mark + 1})(?![0-9])`, "g"), (found) =>
      String(Number(found) === mark ? this.examples : max(this.examples, LEAST_DATA) + 1));
  }

  *around(text, rows) {
    const place = text.indexOf(ROWS_MARK);
    yield text.slice(0, place);
    yield* rows;
    yield text.slice(place + ROWS_MARK.length);
  }

  // The rows of Steps. Where a cell's value is an error, the cell says so.
  *steps() {
    const { rows, columns } = this.book, { run, content } = this;
    const templates = rows.map((cells) => cells.split("\n").map((cell) => {
      const [, before, after] = /^(.*)%s(<\/v><\/c>)$/s.exec(this.counted(cell));
      return [before.split("@"), after];
    }));
    let text = "";
    for (let index = 0; index < run.rows; index += 1) {
      const number = FIRST_ROW + index, kind = min(index, 2);
      text += `<row r="${number}">`;
      templates[kind].forEach(([before, after], place) => {
        const column = columns[place], error = run.error(index, column), labels = content.labels[column];
        const start = before.join(kind < 2 ? "@" : number);
        if (error) text += `${start.replace(/^(<c [^>]*?)(?: t="str")?>/, '$1 t="e">')}${error}${after}`;
        else text += `${start}${labels ? escaped(labels[run.value(index, column)]) : run.value(index, column)}${after}`;
      });
      text += "</row>";
      if (index % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) {
        yield text;
        text = "";
      }
    }
    yield text;
  }

  // The hyper-parameters, above the rows of Steps.
  withParameters(text) {
    return this.book.cells.reduce((whole, cell, index) => {
      const value = this.run.setting(index), isText = typeof value === "string";
      const found = new RegExp(`(<c r="${cell}"[^>]*?)(?: t="[a-zA-Z]+")?>(<f>.*?</f>)?.*?</c>`);
      const shown = isText ? `<is><t>${escaped(value)}</t></is>` : `<v>${value}</v>`;
      return whole.replace(found, (_, start, formula) => `${start}${isText ? ' t="inlineStr"' : ""}>${formula ?? ""}${shown}</c>`);
    }, text);
  }

  *data() {
    const { columns } = this.book.data, { tables } = this.run;
    for (let example = 0; example < this.examples; example += 1) {
      const row = example + 2, values = [example + 1, ...tables.map((table) => table[example])];
      const cells = values.map((value, place) => `<c r="${columns[place][0]}${row}" s="${columns[place][1]}" t="n"><v>${value}</v></c>`);
      yield `<row r="${row}">${cells.join("")}</row>`;
    }
  }

  lines() {
    return this.file.split("\n");
  }

  // About ends with the experiment file, line by line; a long line continues in the next cells.
  *about(text) {
    const { row, style } = this.book.about;
    yield text.slice(0, text.indexOf(`<row r="${row}"`));
    for (const [index, line] of this.lines().entries()) {
      const pieces = line.match(new RegExp(`.{1,${PIECE}}`, "gsu")) ?? [];
      const cells = pieces.map((piece, place) => `<c r="${String.fromCharCode(65 + place)}${row + index}" s="${style}" t="inlineStr">`
        + `<is><t xml:space="preserve">${escaped(piece.replace(/_(?=x[0-9A-Fa-f]{4}_)/g, "_x005F_"))}</t></is></c>`);
      yield `<row r="${row + index}">${cells.join("")}</row>`;
    }
    yield text.slice(text.indexOf("</sheetData>"));
  }
}

// Practice: an answer is judged by its digits, and over the answers that were typed before it.
const OFF_IN_LAST_DIGIT = 1.5;

// The answers of one iteration, by the numbers of their columns.
class Practice {
  constructor(run, content, index) {
    Object.assign(this, { run, content, index });
    this.answers = new Map();
    this.revealed = new Set();
    this.verdicts = new Map();
  }

  answer(column, text) {
    if (text.trim()) this.answers.set(column, text);
    else this.answers.delete(column);
    this.judge();
  }

  // Whether the value may be seen: the answer was right, or the value was asked for.
  isOpen(column) {
    return this.revealed.has(column) || Boolean(this.verdicts.get(column)?.right);
  }

  // Judges all answers anew, since a later answer may follow from an earlier one.
  judge() {
    this.verdicts = new Map();
    const row = this.run.row(this.index), own = row.slice(), touched = new Map();
    for (let column = 0; column < this.run.width; column += 1) {
      const from = this.content.leaves[column].filter((leaf) => touched.has(leaf));
      if (from.length) {
        own[column] = this.follow(column, own);
        touched.set(column, [...new Set(from.flatMap((used) => touched.get(used)))]);
      }
      if (!this.answers.has(column)) continue;
      const written = readNumber(this.answers.get(column));
      const earlier = touched.get(column) ?? [];
      this.verdicts.set(column, this.verdict(written, row[column], own[column], earlier));
      if (written.value === undefined) continue;
      own[column] = written.value;
      touched.set(column, [column]);
    }
  }

  // The value of the column's formula over the typed values.
  follow(column, own) {
    const { formulas, parameters, tables } = this.run;
    const before = this.index ? this.run.row(this.index - 1) : [];
    try {
      return formulas[column](own, before, parameters, tables);
    } catch (error) {
      if (error instanceof CellError) return NaN;
      throw error;
    }
  }

  verdict(written, exact, followed, earlier) {
    if (written.value === undefined) return { mark: "?", word: "no number", reason: written.reason };
    if (agrees(written, exact)) {
      if (isShort(written, exact)) {
        return { mark: "…", word: "right so far", reason: "write two significant digits." };
      }
      return { mark: "✓", word: "correct", right: true, reason: "" };
    }
    if (earlier.length && agrees(written, followed)) {
      const wrong = earlier.filter((column) => !this.verdicts.get(column)?.right || this.verdicts.get(column).carried);
      const names = (columns) => columns.map((column) => this.content.names[column]).join(", ");
      return wrong.length
        ? { mark: "✓", word: "carried through", right: true, carried: true, reason: `it follows from your ${names(wrong)}.` }
        : { mark: "✓", word: "rounded early", right: true, reason: `it follows from your rounded ${names(earlier)}.` };
    }
    if (agrees(written, exact, OFF_IN_LAST_DIGIT)) {
      return { mark: "≈", word: "close", reason: "the last digit is off." };
    }
    return { mark: "✗", word: "not yet", reason: "" };
  }
}

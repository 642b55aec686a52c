// Practice: what is typed is judged by its digits, and over the values that were typed before it.
const OFF_IN_LAST_DIGIT = 1.5;

// The answers of one iteration, by the places of columns.
class Practice {
  constructor(run, content, index) {
    Object.assign(this, { run, content, index });
    this.answers = new Map();
    this.revealed = new Set();
    this.verdicts = new Map();
  }

  answer(place, text) {
    if (text.trim()) this.answers.set(place, text);
    else this.answers.delete(place);
    this.judge();
  }

  // Whether the value may be seen: it was found, or asked for.
  isOpen(place) {
    return this.revealed.has(place) || Boolean(this.verdicts.get(place)?.right);
  }

  // All answers anew: a later one may follow from an earlier.
  judge() {
    this.verdicts = new Map();
    const row = this.run.row(this.index), own = row.slice(), touched = new Map();
    for (let place = 0; place < this.run.width; place += 1) {
      const from = this.content.leaves[place].filter((leaf) => touched.has(leaf));
      if (from.length) {
        own[place] = this.follow(place, own);
        touched.set(place, [...new Set(from.flatMap((used) => touched.get(used)))]);
      }
      if (!this.answers.has(place)) continue;
      const written = readNumber(this.answers.get(place));
      const earlier = touched.get(place) ?? [];
      this.verdicts.set(place, this.verdict(written, row[place], own[place], earlier));
      if (written.value === undefined) continue;
      own[place] = written.value;
      touched.set(place, [place]);
    }
  }

  // The column's own formula over the values that were typed.
  follow(place, own) {
    const { formulas, parameters, tables } = this.run;
    const before = this.index ? this.run.row(this.index - 1) : [];
    try {
      return formulas[place](own, before, parameters, tables);
    } catch (error) {
      if (error instanceof CellError) return NaN;
      throw error;
    }
  }

  verdict(written, exact, followed, earlier) {
    if (written.value === undefined) return { mark: "?", word: "no number", reason: written.reason };
    if (agrees(written, exact)) {
      if (isShort(written, exact)) {
        return { mark: "…", word: "right so far", reason: "two significant digits, please." };
      }
      return { mark: "✓", word: "correct", right: true, reason: "" };
    }
    if (earlier.length && agrees(written, followed)) {
      const wrong = earlier.filter((place) => !this.verdicts.get(place)?.right || this.verdicts.get(place).carried);
      const names = (places) => places.map((place) => this.content.names[place]).join(", ");
      return wrong.length
        ? { mark: "✓", word: "carried through", right: true, carried: true, reason: `it follows from the ${names(wrong)} that you had.` }
        : { mark: "✓", word: "rounded early", right: true, reason: `it follows from ${names(earlier)} as you rounded.` };
    }
    if (agrees(written, exact, OFF_IN_LAST_DIGIT)) {
      return { mark: "≈", word: "close", reason: "off in the last digit." };
    }
    return { mark: "✗", word: "not yet", reason: "" };
  }
}

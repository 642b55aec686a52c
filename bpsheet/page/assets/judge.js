// Practice: an answer is judged by its digits, and over the answers that were typed before it.
const OFF_IN_LAST_DIGIT = 1.5;
// Rounding moves several numbers at once. One after another they move a value a little less.
const TOGETHER = 1.02;
// With fewer digits, not everything that rounds to a number is believed to have been it.
const WIDE_DIGITS = 3;
const RIGHT = { mark: "✓", word: "correct", right: true, reason: "" };

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

  // Judges all answers anew, since a later answer may follow from an earlier one. The formulas run over
  // the numbers as they are typed, and over what they were without rounding (`own`). Between the two
  // lies what rounding can do: `boxes` has the interval of each value.
  judge() {
    this.verdicts = new Map();
    this.boxes = new Map();
    const row = this.run.row(this.index), touched = new Map();
    this.typed = row.slice();
    this.own = row.slice();
    for (let column = 0; column < this.run.width; column += 1) {
      const from = this.content.leaves[column].filter((leaf) => touched.has(leaf));
      let span = null;
      if (from.length) {
        span = this.span(column, from);
        this.typed[column] = this.follow(column, this.typed);
        this.own[column] = this.follow(column, this.own);
        this.boxes.set(column, span);
        touched.set(column, [...new Set(from.flatMap((used) => touched.get(used)))]);
      }
      if (!this.answers.has(column)) continue;
      const written = readNumber(this.answers.get(column));
      const lines = from.length ? [this.typed[column], this.own[column]] : [];
      const verdict = this.verdict(written, row[column], lines, span, touched.get(column) ?? []);
      this.verdicts.set(column, verdict);
      if (written.value === undefined) continue;
      this.boxes.set(column, this.box(written, verdict, [row[column], ...lines]));
      this.typed[column] = written.value;
      if (!(from.length && agrees(written, this.own[column]))) {
        this.own[column] = agrees(written, row[column]) ? row[column] : verdict.compared ?? written.value;
      }
      touched.set(column, [column]);
    }
  }

  // The interval for which a typed number stands from here on.
  box(written, verdict, values) {
    const { value, unit } = written, half = 0.500000001 * unit;
    let [low, high] = [value - half, value + half];
    if (verdict.compared !== undefined) {
      if (isCut(written, verdict.compared)) [low, high] = value > 0 ? [value, value + unit] : [value - unit, value];
      return [Math.min(low, verdict.compared), max(high, verdict.compared)];
    }
    const near = values.filter((found) => low <= found && found <= high);
    if (!near.length || significant(written) >= WIDE_DIGITS) return [low, high];
    // So few digits leave much room. Without rounding it was one of these, or a mixture.
    const least = Math.min(value, ...near), most = max(value, ...near);
    return [max(low, 2 * least - most), Math.min(high, 2 * most - least)];
  }

  // The values of a formula when each value that it uses may be any number of its interval. Each is
  // moved by itself, and what the moves do is added.
  span(column, from) {
    const middle = this.follow(column, this.typed);
    let low = 0, high = 0;
    for (const leaf of from) {
      const kept = this.typed[leaf];
      const moves = this.boxes.get(leaf).map((end) => {
        this.typed[leaf] = end;
        return this.follow(column, this.typed) - middle;
      });
      this.typed[leaf] = kept;
      low += Math.min(0, ...moves);
      high += max(0, ...moves);
    }
    return [middle + TOGETHER * low, middle + TOGETHER * high];
  }

  // The value of the column's formula over some values.
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

  // The values with which a number agrees, the exact one first: whether it follows from earlier ones, and
  // whether the number shows too few of its digits.
  *candidates(written, exact, lines, span) {
    if (agrees(written, exact)) yield [false, isShort(written, exact)];
    for (const found of lines) if (agrees(written, found)) yield [true, isShort(written, found)];
    if (!span || !(span[1] - span[0] < abs(written.value))) return;
    const nearest = Math.min(max(written.value, span[0]), span[1]);
    // Zeros at the end may be missing, but not of a value that is not known so exactly.
    if (agrees(written, nearest)) yield [true, lacksDecimals(written, nearest)];
  }

  verdict(written, exact, lines, span, earlier) {
    if (written.value === undefined) return { mark: "?", word: "no number", reason: written.reason };
    let short = false;
    for (const [follows, lacks] of this.candidates(written, exact, lines, span)) {
      const onLittle = follows && earlier.some((column) => this.verdicts.get(column)?.short);
      if (!onLittle && !lacks) return follows ? this.followed(earlier) : RIGHT;
      short = true;
    }
    if (short) return { mark: "…", word: "right so far", reason: "write two significant digits.", short };
    // With one digit, where two are asked, nearly right is not right.
    const nearby = significant(written) > 1 ? [exact, ...lines] : [];
    const cut = nearby.find((found) => isCut(written, found));
    if (cut !== undefined) return { mark: "≈", word: "cut, not rounded", reason: "", compared: cut };
    const close = nearby.find((found) => agrees(written, found, OFF_IN_LAST_DIGIT));
    if (close !== undefined) return { mark: "≈", word: "close", reason: "the last digit is off.", compared: close };
    return { mark: "✗", word: "not yet", reason: "" };
  }

  // The verdict on a value that follows from earlier answers.
  followed(earlier) {
    const wrong = earlier.filter((column) => !this.verdicts.get(column)?.right || this.verdicts.get(column).carried);
    const names = (columns) => columns.map((column) => this.content.names[column]).join(", ");
    return wrong.length
      ? { mark: "✓", word: "carried through", right: true, carried: true, reason: `it follows from your ${names(wrong)}.` }
      : { mark: "✓", word: "rounded early", right: true, reason: `it follows from your rounded ${names(earlier)}.` };
  }
}

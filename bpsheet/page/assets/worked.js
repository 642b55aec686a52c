// The worked solution: for each quantity its formula, the formula with numbers, and the result.
const BINDS = { sum: 2, product: 3, atom: 6 };
// Parentheses grow with what is tall; those that may grow stand in much space.
const fenced = (text) => {
  const grow = /<mfrac|<mtable/.test(text) ? "" : " stretchy='false'";
  return `<mrow><mo${grow}>(</mo>${text}<mo${grow}>)</mo></mrow>`;
};
const unsigned = (text) => (text.startsWith(SIGN) ? fenced(text) : text);
// A page of more equations than this is not readable. Choosing a neuron narrows them. On
// paper, all of at most MOST_ON_PAPER formulas are there, and of more the first FIRST of each part whose
// equations have less than LONG characters.
const MOST_STEPS = 80, MOST_ON_PAPER = 90, FIRST = 4, LONG = 4000;

class Worked {
  constructor(content, run, forms) {
    Object.assign(this, { content, run, forms });
    this.count = () => run.tables[0].length;
  }

  // The value at a leaf: a number or a word.
  leaf(index, leaf) {
    const { width, parameters } = this.run;
    if (leaf >= width) return parameters[leaf - width];
    const column = leaf < 0 ? -1 - leaf : leaf;
    const row = leaf < 0 ? index - 1 : index;
    const error = row >= 0 ? this.run.error(row, column) : ERRORS[NUMBER];
    return error || this.run.value(row, column);
  }

  isGiven(index, leaf) {
    if (leaf >= this.run.width) return true;
    if (leaf < 0) return false;
    return this.content.phases[leaf] === PHASE.input
      || this.run.value(index, leaf) === this.run.starts[leaf];
  }

  shown(index, leaf) {
    const value = this.leaf(index, leaf);
    if (typeof value === "string") return value;
    const labels = this.content.labels[leaf];
    return labels ? labels[value] : rounded(value, 4, this.isGiven(index, leaf));
  }

  symbol(leaf) {
    const { width } = this.run;
    if (leaf >= width) return this.content.parameters[leaf - width].symbol;
    if (leaf >= 0) return this.content.symbols[leaf];
    const before = fenced("<mi>n</mi><mo>−</mo><mn>1</mn>");
    return `<msup>${this.content.symbols[-1 - leaf]}${before}</msup>`;
  }

  // A formula in symbols.
  symbolic(column, leaves = this.content.leaves[column]) {
    const write = (slot) => this.symbol(leaves[slot]);
    const cases = (_test, then, otherwise, condition) =>
      `<mrow><mo>{</mo><mtable><mtr><mtd>${then}</mtd><mtd><mtext>if&nbsp;</mtext>${condition}</mtd></mtr>`
      + `<mtr><mtd>${otherwise}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr></mtable></mrow>`;
    return localMathML(this.forms[this.content.forms[column]](write, write, unsigned, cases, Number, this.count));
  }

  // A formula with numbers. Of a choice only the side that applies is shown.
  withNumbers(column, index, leaves = this.content.leaves[column]) {
    const text = (slot) => this.shown(index, leaves[slot]);
    const operand = (slot, least, first) => {
      const value = text(slot);
      const binds = value.startsWith("-") ? BINDS.sum : value.includes("e") && isNumber(value) ? BINDS.product : BINDS.atom;
      const loose = binds < least || (!first && value.startsWith("-"));
      return loose ? fenced(valueMathML(value)) : valueMathML(value);
    };
    const choice = (test, then, otherwise) => (test() ? then : otherwise);
    return localMathML(this.forms[this.content.forms[column]](
      (slot) => valueMathML(text(slot)), operand, unsigned, choice, (slot) => this.leaf(index, leaves[slot]), this.count,
    ));
  }

  result(column, index) {
    return valueMathML(this.shown(index, column));
  }

  // An equation: the left side, and each right side that differs from the one before, line by line.
  equation(head, sides) {
    const rows = sides.filter((side, index) => side !== sides[index - 1]).map((side, index) =>
      `<mtr><mtd>${index ? "" : head}</mtd><mtd><mo>=</mo>${side}</mtd></mtr>`);
    return `<math display="block"><mtable class="steps" columnalign="right left" displaystyle="true">${rows.join("")}</mtable></math>`;
  }

  step(column, index) {
    const sides = [this.symbolic(column), this.withNumbers(column, index), this.result(column, index)];
    return this.equation(this.content.symbols[column], sides);
  }

  // A weight of the next iteration: the weight's formula over this row.
  newWeight(column, index) {
    const leaves = this.content.leaves[column].map((leaf) => (leaf < 0 ? -1 - leaf : leaf));
    const next = this.run.next(index, column), stays = leaves.length === 1;
    const value = stays ? this.result(column, index) : valueMathML(next === null ? ERRORS[NUMBER] : rounded(next));
    const head = `<msup>${this.content.symbols[column]}<mtext>new</mtext></msup>`;
    return this.equation(head, [this.symbolic(column, leaves), this.withNumbers(column, index, leaves), value]);
  }

  given(leaf, index) {
    return `<math><mrow>${this.symbol(leaf)}<mo>=</mo>${this.result(leaf, index)}</mrow></math>`;
  }
}

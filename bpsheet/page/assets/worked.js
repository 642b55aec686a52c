// The worked solution: for each quantity what it is, its formula, the numbers put in, the result.
const BINDS = { sum: 2, product: 3, atom: 6 };
const fenced = (text) => `<mrow><mo>(</mo>${text}<mo>)</mo></mrow>`;
const unsigned = (text) => (text.startsWith(MINUS) ? fenced(text) : text);
// More equations than this are no page; a neuron in the picture narrows them.
const MOST_STEPS = 80;

class Worked {
  constructor(content, run, forms) {
    Object.assign(this, { content, run, forms });
  }

  // What stands at a leaf: its number, or its word.
  leaf(index, leaf) {
    const { width, parameters } = this.run;
    if (leaf >= width) return parameters[leaf - width];
    const place = leaf < 0 ? -1 - leaf : leaf;
    const row = leaf < 0 ? index - 1 : index;
    const error = row >= 0 ? this.run.error(row, place) : ERRORS[NUMBER];
    return error || this.run.value(row, place);
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
  symbolic(place, leaves = this.content.leaves[place]) {
    const write = (slot) => this.symbol(leaves[slot]);
    const cases = (_test, then, otherwise, said) =>
      `<mrow><mo>{</mo><mtable><mtr><mtd>${then}</mtd><mtd><mtext>if&nbsp;</mtext>${said}</mtd></mtr>`
      + `<mtr><mtd>${otherwise}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr></mtable></mrow>`;
    return this.forms[this.content.forms[place]](write, write, unsigned, cases, Number);
  }

  // The same with the numbers put in, and choices made.
  withNumbers(place, index, leaves = this.content.leaves[place]) {
    const text = (slot) => this.shown(index, leaves[slot]);
    const operand = (slot, least, first) => {
      const said = text(slot);
      const binds = said.startsWith("-") ? BINDS.sum : said.includes("e") && isNumber(said) ? BINDS.product : BINDS.atom;
      const loose = binds < least || (!first && said.startsWith("-"));
      return loose ? fenced(saidMathML(said)) : saidMathML(said);
    };
    const choice = (test, then, otherwise) => (test() ? then : otherwise);
    return this.forms[this.content.forms[place]](
      (slot) => saidMathML(text(slot)), operand, unsigned, choice, (slot) => this.leaf(index, leaves[slot]),
    );
  }

  result(place, index) {
    return saidMathML(this.shown(index, place));
  }

  // The left side, and below each other the sides that differ from the one before.
  equation(head, sides) {
    const rows = sides.filter((side, place) => side !== sides[place - 1]).map((side, place) =>
      `<mtr><mtd>${place ? "" : head}</mtd><mtd><mo>=</mo>${side}</mtd></mtr>`);
    return `<math display="block"><mtable class="steps" columnalign="right left" displaystyle="true">${rows.join("")}</mtable></math>`;
  }

  step(place, index) {
    const sides = [this.symbolic(place), this.withNumbers(place, index), this.result(place, index)];
    return this.equation(this.content.symbols[place], sides);
  }

  // A weight of the next iteration: its own formula over this row.
  newWeight(place, index) {
    const leaves = this.content.leaves[place].map((leaf) => (leaf < 0 ? -1 - leaf : leaf));
    const next = this.run.next(index, place), stays = leaves.length === 1;
    const said = stays ? this.result(place, index) : saidMathML(next === null ? ERRORS[NUMBER] : rounded(next));
    const head = `<msup>${this.content.symbols[place]}<mtext>new</mtext></msup>`;
    return this.equation(head, [this.symbolic(place, leaves), this.withNumbers(place, index, leaves), said]);
  }

  given(leaf, index) {
    return `<math><mrow>${this.symbol(leaf)}<mo>=</mo>${this.result(leaf, index)}</mrow></math>`;
  }
}

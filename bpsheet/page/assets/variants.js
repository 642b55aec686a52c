// Other training rules: the page has their programs, and continues with the numbers that it has.
class Variants {
  // `app` shows what is chosen. Its content names the rules; `own` is what the page began with.
  constructor(app, own) {
    Object.assign(this, { app, own, chosen: 0 });
    this.offered = own.content.variants;
    this.loaded = [own];
  }

  get rules() { return [...new Set(this.offered.map(([rule]) => rule))]; }

  has(rule, batched) { return this.place(rule, batched) >= 0; }

  place(rule, batched) {
    return this.offered.findIndex(([name, inBatches]) => name === rule && inBatches === batched);
  }

  // Continues with another rule. Says so where the page does not have it.
  async choose(rule, batched) {
    const place = this.place(rule, batched);
    if (place < 0 || place === this.chosen) return;
    this.chosen = place;
    const made = this.loaded[place] ?? await this.load(place);
    if (this.chosen === place) this.app.become(made);
  }

  async load(place) {
    const { others } = await this.app.packed, [rule, batched] = this.offered[place];
    const { script: formulas, mathematics: forms, ...content } = Object.fromEntries(Object.entries(others).map(([key, all]) => [key, all[place - 1]]));
    // The page may run scripts of its own, but may not evaluate text.
    const loader = element("script", { text: `"use strict"; globalThis.loadedVariant = [${formulas},${forms}];` }, document.head);
    loader.remove();
    const [made, shown] = globalThis.loadedVariant;
    delete globalThis.loadedVariant;
    this.loaded[place] = { content: { ...unpacked(content), variant: [rule, batched], variants: this.offered }, formulas: made, forms: shown };
    return this.loaded[place];
  }
}

// The page: the iteration that is shown, the values that may be seen, and the controls.
const PARTS = ["forward", "backward", "update"];
const PHASE = { input: 0, weight: 1, forward: 2, backward: 3, gradient: 4, validation: 5, update: 6, test: 7 };
// The part of an iteration in which a phase's columns are computed.
const PART_OF = [0, 0, 0, 1, 1, 2, 2, 2];
// The milliseconds for which the page computes between two frames.
const SLICE = 12;

// Puts the texts together from their patterns. A text without numbers has the numbers of its name.
function unpacked(content) {
  const names = content.names.texts;
  for (const key of ["names", "symbols", "sentences"]) {
    const { patterns, texts } = content[key];
    content[key] = texts.map((row, column) => {
      const [pattern, ...numbers] = Array.isArray(row) ? row : [row, ...names[column].slice(1)];
      let next = 0;
      return numbers.length ? patterns[pattern].replace(/#/g, () => numbers[next++]) : patterns[pattern];
    });
  }
  // The commas between a symbol's indices stay commas.
  if (HAS_COMMA) content.symbols = content.symbols.map((symbol) => symbol.replaceAll("<mo>,</mo>", "<mo separator='true'>,</mo>"));
  content.starts = content.names.map((_, column) => content.starts[column] ?? null);
  content.picture.arrows = content.picture.arrows.map(([start, end, weight, move, points, label]) => ({ start, end, weight, move, points, label }));
  return content;
}

// Gives a file to the reader.
function download(file, name) {
  const link = element("a", { href: URL.createObjectURL(file), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const byId = (id) => document.getElementById(id);

class App {
  // `packed` has what is needed on demand, compressed: workbooks, and the programs of other rules.
  constructor(content, formulas, forms, packed) {
    this.data = packed;
    this.variants = new Variants(this, { content, formulas, forms });
    this.state = { iteration: 1, part: 2, phased: false, practice: false, chosen: null };
    this.practices = new Map();
    // Counts the changes of numbers: an answer counts only for the numbers that it was given to.
    this.version = 0;
    this.chart = content.loss === null ? null : new Chart(byId("chart"), content, (iteration) => this.go(iteration));
    this.begin({ content, formulas, forms });
    this.paper = new Paper(this);
    this.controls();
    this.keys();
    this.openLink();
    addEventListener("hashchange", () => this.openLink());
    this.tabulate();
    this.computeOn();
  }

  // Shows a program: the experiment's own, or that of another rule.
  begin({ content, formulas, forms }) {
    this.content = content;
    this.run = new Run(content, formulas);
    this.worked = new Worked(content, this.run, forms);
    ["picture", "matrices"].forEach((id) => byId(id).replaceChildren());
    this.network = new Network(byId("picture"), content, (node) => this.choose(node));
    this.steps = new Steps(byId("table"), content, (iteration) => this.go(iteration));
    this.matrices = content.matrices ? new Matrices(byId("matrices"), content) : null;
    if (this.chart) this.chart.content = content;
    this.edits = new Edits(byId("edits"), content, this.run, this);
    this.example = content.roles.indexOf(content.roleNames.indexOf("example"));
  }

  // Continues with another program and the numbers that have been changed.
  become(program) {
    const changes = this.edits.differences();
    this.state.chosen = null;
    this.begin(program);
    this.edits.apply(changes);
    this.tabulate();
    this.edit();
    this.changed();
  }

  get packed() {
    this.opened ??= unpackedData(this.data);
    return this.opened;
  }

  // --- the iteration and phase that are shown

  get index() { return this.state.iteration - 1; }

  get practice() {
    if (!this.state.practice) return null;
    if (!this.practices.has(this.index)) {
      this.practices.set(this.index, new Practice(this.run, this.content, this.index));
    }
    return this.practices.get(this.index);
  }

  go(iteration, part = this.state.phased ? 0 : 2) {
    const shown = min(max(1, iteration), this.run.rows);
    Object.assign(this.state, { iteration: shown, part });
    this.render();
  }

  forward() {
    const { iteration, part, phased } = this.state;
    if (phased && part < 2) this.go(iteration, part + 1);
    else if (iteration < this.run.rows) this.go(iteration + 1);
    else this.play(false);
  }

  back() {
    const { iteration, part, phased } = this.state;
    if (phased && part > 0) this.go(iteration, part - 1);
    else if (iteration > 1) this.go(iteration - 1, 2);
  }

  play(starts) {
    clearInterval(this.timer);
    this.timer = starts ? setInterval(() => this.forward(), Number(byId("speed").value)) : null;
    byId("play").setAttribute("aria-pressed", String(starts));
    byId("play").querySelector("span").textContent = starts ? "Pause" : "Play";
  }

  choose(node) {
    this.state.chosen = node;
    this.tabulate();
    this.edit();
    this.render();
  }

  // --- what may be seen

  isAsked(column) {
    return this.content.phases[column] >= PHASE.forward;
  }

  sees(column) {
    const { phased, part } = this.state;
    if (phased && PART_OF[this.content.phases[column]] > part) return false;
    return !this.practice || !this.isAsked(column) || this.practice.isOpen(column);
  }

  say(column) {
    return this.sees(column) ? this.worked.shown(this.index, column) : "?";
  }

  // The columns of the chosen node, or all columns where no node is chosen.
  columns() {
    const { nodes } = this.content.picture, { chosen } = this.state;
    const all = this.content.phases.map((_, column) => column);
    if (chosen === null) return all;
    const own = new Set(nodes[chosen].columns);
    return all.filter((column) => own.has(column));
  }

  tabulate() {
    const { phases, loss } = this.content, chosen = new Set(this.columns());
    const columns = phases.map((_, column) => column).filter((column) => chosen.has(column)
      || (this.state.chosen !== null && (phases[column] === PHASE.input || column === loss)));
    const hidden = this.steps.columns(columns);
    const all = counted(phases.length), node = this.content.picture.nodes[this.state.chosen];
    byId("table-note").textContent = hidden
      ? `The first ${counted(columns.length - hidden)} of ${counted(columns.length)} columns. Choose a neuron in the picture to see its columns.`
      : node ? `The columns of ${node.name}, out of ${all} columns.` : "";
  }

  // --- computing

  changed() {
    this.run.forget();
    this.practices.clear();
    this.version += 1;
    this.render();
    this.computeOn();
  }

  // Computes the whole run, a little at a time. The chart is drawn at the end.
  computeOn() {
    clearTimeout(this.computing);
    const until = performance.now() + SLICE;
    while (this.run.done < this.run.rows && performance.now() < until) this.run.ensure(this.run.done + 16);
    const whole = this.run.done >= this.run.rows;
    if (!whole) this.computing = setTimeout(() => this.computeOn(), 0);
    if (whole) this.finished();
  }

  finished() {
    if (this.chart && !this.state.practice) this.chart.show(this.run);
    byId("facts").textContent = this.facts();
  }

  facts() {
    const { loss, names, phases, labels } = this.content, last = this.run.rows - 1;
    const sentences = [];
    if (loss !== null) sentences.push(`At the end, ${names[loss]} = ${this.worked.shown(last, loss)}.`);
    const tests = phases.flatMap((phase, column) => (phase === PHASE.test && labels[column] ? [column] : []));
    if (tests.length) {
      const right = (index) => tests.filter((column) => this.run.value(index, column) === 1).length;
      let first = 0;
      while (first <= last && right(first) < tests.length) first += 1;
      sentences.push(`${right(last)} of ${tests.length} tests are right at the end. `
        + (first <= last ? `All are right for the first time at iteration ${first + 1}.` : "They are never all right at once."));
    }
    return sentences.join(" ");
  }

  // --- what is shown

  render() {
    if (this.rendering || this.onPaper) return;
    this.rendering = requestAnimationFrame(() => {
      this.rendering = 0;
      // What was asked for before the page is printed must not undo the look of paper.
      if (!this.onPaper) this.draw();
    });
  }

  draw() {
    const { iteration, part, phased, practice } = this.state;
    this.run.ensure(iteration);
    byId("iteration").value = byId("slider").value = iteration;
    byId("back").disabled = iteration === 1 && (!phased || part === 0);
    byId("next").disabled = iteration === this.run.rows && (!phased || part === 2);
    PARTS.forEach((name, number) => {
      const chip = byId(`part-${name}`);
      chip.classList.toggle("lit", phased && number === part);
      if (phased && number === part) chip.setAttribute("aria-current", "step");
      else chip.removeAttribute("aria-current");
    });
    byId("summary").textContent = this.summary();
    this.drawNetwork();
    this.drawSolution();
    this.steps.update(iteration, this.run.rows, (index, column) => this.cell(index, column));
    this.matrices?.update((column) => this.cell(this.index, column));
    this.chart?.at(iteration);
    byId("chart-section").hidden = !this.chart || practice;
    if (this.edited !== this.run.value(this.index, this.example) && !byId("edits").contains(document.activeElement)) this.edit();
  }

  cell(index, column) {
    if (index === this.index && !this.sees(column)) return null;
    const error = this.run.error(index, column);
    if (error) return error;
    const value = this.run.value(index, column);
    const labels = this.content.labels[column];
    return labels ? labels[value] : rounded(value, 5, true);
  }

  summary() {
    const { iteration, phased, part } = this.state, { loss, names } = this.content;
    const example = this.run.value(this.index, this.example);
    const sentences = [this.content.tables.length ? `Iteration ${iteration} presents example ${example}.` : `Iteration ${iteration}.`];
    if (loss !== null) sentences.push(`${names[loss]} = ${this.say(loss)}.`);
    if (phased) sentences.push(["The forward pass.", "The backward pass.", "The update."][part]);
    return sentences.join(" ");
  }

  drawNetwork() {
    const { phased, part, chosen } = this.state, { phases } = this.content;
    const lit = (node) => phased && (part === 0 ? node.kind === "neuron" : part === 1 && node.kind !== "weight" && node.below.some((row) => row.some((column) => column !== null)));
    const colours = !phased || part === 2;
    const largest = this.network.update({
      see: (column) => this.sees(column),
      say: (column) => (this.sees(column) ? shortly(this.worked.leaf(this.index, column)) : "?"),
      value: (column) => this.run.value(this.index, column),
      words: (value, digits) => rounded(value, digits, true).replace(/-/g, "−"),
      chosen, lit, colours,
    });
    byId("widest").textContent = largest ? `The widest arrow stands for an adjustment of ${rounded(largest, 2)}.` : colours ? "Grey: no weight moves here." : "";
    byId("picture").dataset.part = phased ? PARTS[part] : "all";
    const node = this.content.picture.nodes[chosen];
    byId("chosen").hidden = !node;
    if (node) byId("chosen-name").textContent = node.name;
  }

  // The groups of the worked solution, with the columns of each.
  groups() {
    const { phases } = this.content, chosen = this.columns();
    const of = (...wanted) => chosen.filter((column) => wanted.includes(phases[column]));
    return [
      ["forward", of(PHASE.forward)],
      ["backward", of(PHASE.backward, PHASE.gradient)],
      ["update", of(PHASE.update)],
      ["weights", of(PHASE.weight).filter((column) => this.content.forms[column] !== null)],
      ["validation", of(PHASE.validation)],
      ["test", of(PHASE.test)],
    ];
  }

  // Whether the solution is too long for paper.
  get isExcerpt() {
    return this.onPaper && this.groups().reduce((count, [, columns]) => count + columns.length, 0) > MOST_ON_PAPER;
  }

  drawSolution() {
    const { phased, part, iteration } = this.state;
    // A phase opens its group when it begins. After that the reader opens and closes the groups.
    const begins = phased && this.began !== `${iteration} ${part}`;
    this.began = phased ? `${iteration} ${part}` : "";
    this.drawGiven();
    for (const [name, columns] of this.groups()) {
      const group = byId(`group-${name}`);
      const number = max(0, PARTS.indexOf(name)), late = ["weights", "validation", "test"].includes(name);
      group.hidden = !columns.length || (late && this.state.practice);
      if (begins) group.open = late ? part === 2 : number === part;
      const waits = phased && (late ? part < 2 : number > part);
      if (group.open && !group.hidden) this.drawGroup(group, name, waits ? [] : columns);
    }
  }

  drawGiven() {
    const { phases, roles, roleNames, parameters } = this.content;
    const chosen = new Set(this.columns());
    const leaves = phases.flatMap((phase, column) => {
      if (phase === PHASE.weight) return chosen.has(column) ? [column] : [];
      return phase === PHASE.input && ["data", "target", "weight of the example"].includes(roleNames[roles[column]]) ? [column] : [];
    });
    const cells = parameters.map((_, index) => this.run.width + index);
    const most = this.isExcerpt ? 5 * FIRST : MOST_STEPS;
    const items = [...leaves.slice(0, most), ...cells].map((leaf) => `<li>${this.worked.given(leaf, this.index)}</li>`);
    if (leaves.length > most) items.push(`<li>… and ${counted(leaves.length - most)} more</li>`);
    byId("given").innerHTML = items.join("");
  }

  drawGroup(group, name, columns) {
    const body = group.querySelector(".steps-of"), { practice } = this;
    const key = [this.version, this.index, this.state.chosen, Boolean(practice), columns.length, this.onPaper].join();
    if (practice && body.dataset.key === key) return; // somebody may be typing there
    body.dataset.key = key;
    const shown = this.isExcerpt ? this.firstShort(name, columns) : columns.slice(0, this.onPaper ? MOST_ON_PAPER : MOST_STEPS);
    const more = columns.length - shown.length;
    body.replaceChildren(...shown.map((column) => this.step(name, column)));
    // On a phone an equation scrolls: lines that come and go would move all that stands below.
    if (!this.onPaper && matchMedia("(min-width: 60rem)").matches) breakEquations(body, (equation) => equation.clientWidth);
    if (more) element("p", { text: `… and ${counted(more)} more. Choose a neuron in the picture to see only its quantities.`, class: "note" }, body);
  }

  // The first formulas of a group that are not long.
  firstShort(name, columns) {
    const short = [];
    for (const column of columns) {
      if (short.length === FIRST) break;
      if (this.equation(name, column).length < LONG) short.push(column);
    }
    return short.length ? short : columns.slice(0, 1);
  }

  equation(group, column) {
    return group === "weights" ? this.worked.newWeight(column, this.index) : this.worked.step(column, this.index);
  }

  step(group, column) {
    const block = element("div", { class: "step" });
    element("p", { text: group === "weights" ? `The new ${this.content.names[column]}.` : this.content.sentences[column] }, block);
    const equation = element("div", { class: "equation", tabindex: 0, role: "group", "aria-label": this.content.names[column] }, block);
    if (this.practice && this.isAsked(column)) this.question(block, equation, column);
    else equation.innerHTML = this.equation(group, column);
    return block;
  }

  question(block, equation, column) {
    const { practice, content } = this;
    const line = element("p", { class: "answer" }, block);
    const input = element("input", {
      "aria-label": `${content.names[column]} =`, autocomplete: "off", size: 12, value: practice.answers.get(column) ?? "",
      "aria-describedby": `verdict-${column}`, inputmode: "text", "data-column": column,
    }, line);
    const button = element("button", { text: "Show", type: "button", class: "quiet" }, line);
    const verdict = element("span", { id: `verdict-${column}`, class: "verdict", role: "status" }, line);
    const show = () => {
      const open = practice.isOpen(column), judged = practice.verdicts.get(column);
      equation.innerHTML = open ? this.worked.step(column, this.index)
        : this.worked.equation(content.symbols[column], [this.worked.symbolic(column)]);
      verdict.textContent = judged ? `${judged.mark} ${judged.word}${judged.reason && `: ${judged.reason}`}` : "";
      verdict.dataset.mark = judged?.mark ?? "";
      button.hidden = open;
    };
    block.show = show;
    input.addEventListener("input", () => {
      practice.answer(column, input.value);
      document.querySelectorAll("#solution .step").forEach((step) => step.show?.());
      this.render();
    });
    button.addEventListener("click", () => {
      practice.revealed.add(column);
      show();
      this.render();
    });
    show();
  }

  edit() {
    this.edited = this.run.value(this.index, this.example);
    const { nodes } = this.content.picture, { chosen } = this.state;
    this.edits.show(this.edited || 1, chosen === null ? null : nodes[chosen].columns);
  }

  // --- the controls

  controls() {
    const { state, run } = this;
    const { iterations } = this.content, of = run.rows < iterations ? ` (of ${counted(iterations)})` : "";
    byId("count").textContent = counted(run.rows) + of;
    byId("iteration").max = byId("slider").max = run.rows;
    const on = (id, event, act) => byId(id).addEventListener(event, act);
    on("back", "click", () => this.back());
    on("next", "click", () => this.forward());
    on("play", "click", () => this.play(!this.timer));
    on("speed", "change", () => { if (this.timer) this.play(true); });
    on("slider", "input", () => this.go(Number(byId("slider").value)));
    on("iteration", "change", () => this.go(Math.trunc(Number(byId("iteration").value)) || 1));
    on("phased", "change", () => {
      state.phased = byId("phased").checked;
      document.body.classList.toggle("phased", state.phased);
      this.go(state.iteration);
    });
    on("practice", "change", () => {
      state.practice = byId("practice").checked;
      document.querySelectorAll("#solution details.asked").forEach((group) => { group.open = true; });
      if (state.practice) this.play(false);
      else if (this.run.done >= this.run.rows) this.finished();
      this.render();
    });
    on("everything", "click", () => this.choose(null));
    document.querySelectorAll("#solution details").forEach((group) => group.addEventListener("toggle", () => this.render()));
    on("reset", "click", async () => {
      const [rule, batched] = this.variants.offered[0];
      this.run.restore();
      await this.variants.choose(rule, batched);
      this.changed();
      this.edit();
    });
    on("save", "click", () => this.save());
    on("workbook", "click", () => this.saveWorkbook());
    on("link", "click", () => this.copyLink());
    on("help", "click", () => byId("keys").showModal());
  }

  keys() {
    const acts = {
      ArrowRight: () => this.forward(), ArrowLeft: () => this.back(), " ": () => this.play(!this.timer),
      Home: () => this.go(1), End: () => this.go(this.run.rows),
      p: () => byId("phased").click(), "?": () => byId("keys").showModal(), Escape: () => this.choose(null),
    };
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, select, textarea, button, summary, dialog, .equation");
      const act = acts[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      if (typing && !(typing.id === "phased" || typing.id === "practice") && event.key !== "Escape") return;
      if (document.querySelector("dialog[open]")) return;
      event.preventDefault();
      act();
    });
  }

  save() {
    download(new Blob([this.edits.file()], { type: "application/toml" }), `${this.content.name}.toml`);
    this.tell(`Saved as ${this.content.name}.toml. Run it: bpsheet run ${this.content.name}.toml`);
  }

  async saveWorkbook() {
    this.tell("The workbook is being written …");
    try {
      const book = (await this.packed).books[this.variants.chosen];
      if (this.content.variant[1] && this.run.tables[0]?.length === 1) {
        this.tell("With one example there are no batches. Add an example, or update after each example.");
        return;
      }
      if (!book) {
        this.tell(`The page has no workbook of this rule. Save the experiment file, then run: bpsheet run ${this.content.name}.toml`);
        return;
      }
      const file = await new Book(book, this.content, this.run, this.edits.file()).make();
      download(file, `${this.content.name}.xlsx`);
      this.tell(`Saved as ${this.content.name}.xlsx, with live formulas and the numbers of this page.`);
    } catch (error) {
      if (!(error instanceof ReferenceError || error instanceof TypeError)) throw error;
      this.tell("This browser is too old to write a workbook. Save the experiment file instead.");
    }
  }

  address() {
    const state = linked({ iteration: this.state.iteration, changes: this.edits.differences(), variant: this.variants.chosen ? this.content.variant : undefined });
    return `${location.href.split("#")[0]}#${state}`;
  }

  async copyLink() {
    history.replaceState(null, "", this.address());
    try {
      await navigator.clipboard.writeText(location.href);
      this.tell("The link is copied. Anyone who has this page sees the same numbers with the link.");
    } catch {
      byId("address").value = location.href;
      byId("share").showModal();
      byId("address").select();
    }
  }

  async openLink() {
    const hash = location.hash.slice(1), state = hash ? unlinked(hash) : null;
    if (!state) {
      this.edit();
      this.go(this.state.iteration);
      if (hash) this.tell("The link cannot be read. No number was changed.");
      return;
    }
    if (Array.isArray(state.variant)) await this.variants.choose(...state.variant);
    const unknown = this.edits.apply(Object(state.changes));
    this.edit();
    this.changed();
    this.go(Number.isInteger(state.iteration) ? state.iteration : 1);
    if (unknown.length) this.tell(`The link changes quantities that this page does not have: ${unknown.slice(0, 5).join(", ")}.`);
  }

  tell(text) {
    byId("told").textContent = text;
  }
}

// A number with three digits and a typographic minus sign, or the word that stands for a number.
const shortly = (value) => (typeof value === "string" ? value : rounded(value, 3, true).replace(/-/g, "−"));

// The page: which iteration is shown, what of it may be seen, and what people do with it.
const PARTS = ["forward", "backward", "update"];
const PHASE = { input: 0, weight: 1, forward: 2, backward: 3, gradient: 4, update: 5, test: 6 };
// The part of an iteration in which a phase's columns are computed.
const PART_OF = [0, 0, 0, 1, 1, 2, 2];
// Computing goes on between two pictures for so many milliseconds.
const SLICE = 12;

// Texts that share a pattern, put together again; those without numbers have those of their name.
function unpacked(content) {
  const names = content.names.texts;
  for (const key of ["names", "symbols", "sentences"]) {
    const { patterns, texts } = content[key];
    content[key] = texts.map((row, place) => {
      const [pattern, ...numbers] = Array.isArray(row) ? row : [row, ...names[place].slice(1)];
      let next = 0;
      return numbers.length ? patterns[pattern].replace(/#/g, () => numbers[next++]) : patterns[pattern];
    });
  }
  content.starts = content.names.map((_, place) => content.starts[place] ?? null);
  content.picture.arrows = content.picture.arrows.map(([start, end, weight, move]) => ({ start, end, weight, move }));
  return content;
}

const byId = (id) => document.getElementById(id);

class App {
  constructor(content, formulas, forms) {
    this.content = content;
    this.run = new Run(content, formulas);
    this.worked = new Worked(content, this.run, forms);
    this.state = { iteration: 1, part: 2, phased: false, practice: false, chosen: null };
    this.practices = new Map();
    // How often numbers were changed: answers to other numbers are no answers.
    this.version = 0;
    this.network = new Network(byId("picture"), content, (node) => this.choose(node));
    this.steps = new Steps(byId("table"), content, (iteration) => this.go(iteration));
    this.chart = content.loss === null ? null : new Chart(byId("chart"), content, (iteration) => this.go(iteration));
    this.edits = new Edits(byId("edits"), content, this.run, () => this.changed());
    this.example = content.roles.indexOf(content.roleNames.indexOf("example"));
    this.controls();
    this.keys();
    this.openLink();
    addEventListener("hashchange", () => this.openLink());
    this.tabulate();
    this.computeOn();
  }

  // --- where the page stands

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

  isAsked(place) {
    return this.content.phases[place] >= PHASE.forward;
  }

  sees(place) {
    const { phased, part } = this.state;
    if (phased && PART_OF[this.content.phases[place]] > part) return false;
    return !this.practice || !this.isAsked(place) || this.practice.isOpen(place);
  }

  say(place) {
    return this.sees(place) ? this.worked.shown(this.index, place) : "?";
  }

  // The columns of the chosen node, else all.
  places() {
    const { nodes } = this.content.picture, { chosen } = this.state;
    const all = this.content.phases.map((_, place) => place);
    if (chosen === null) return all;
    const own = new Set(nodes[chosen].columns);
    return all.filter((place) => own.has(place));
  }

  tabulate() {
    const { phases, loss } = this.content, chosen = new Set(this.places());
    const places = phases.map((_, place) => place).filter((place) => chosen.has(place)
      || (this.state.chosen !== null && (phases[place] === PHASE.input || place === loss)));
    const hidden = this.steps.columns(places);
    const all = phases.length.toLocaleString("en"), node = this.content.picture.nodes[this.state.chosen];
    byId("table-note").textContent = hidden
      ? `The first ${(places.length - hidden).toLocaleString("en")} of ${places.length.toLocaleString("en")} columns: choose a neuron in the picture to see its own.`
      : node ? `The columns of ${node.name}, of ${all}.` : "";
  }

  // --- computing

  changed() {
    this.run.forget();
    this.practices.clear();
    this.version += 1;
    this.render();
    this.computeOn();
  }

  // The whole run, a little at a time; the chart follows.
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
    const said = [];
    if (loss !== null) said.push(`At the end, ${names[loss]} = ${this.worked.shown(last, loss)}.`);
    const tests = phases.flatMap((phase, place) => (phase === PHASE.test && labels[place] ? [place] : []));
    if (tests.length) {
      const right = (index) => tests.filter((place) => this.run.value(index, place) === 1).length;
      let first = 0;
      while (first <= last && right(first) < tests.length) first += 1;
      said.push(`${right(last)} of ${tests.length} tests are right at the end; `
        + (first <= last ? `all are for the first time at iteration ${first + 1}.` : "all of them never are."));
    }
    return said.join(" ");
  }

  // --- what is shown

  render() {
    if (this.rendering) return;
    this.rendering = requestAnimationFrame(() => {
      this.rendering = 0;
      this.draw();
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
    this.steps.update(iteration, (index, place) => this.cell(index, place));
    this.chart?.at(iteration);
    byId("chart-section").hidden = !this.chart || practice;
    if (this.edited !== this.run.value(this.index, this.example) && !byId("edits").contains(document.activeElement)) this.edit();
  }

  cell(index, place) {
    if (index === this.index && !this.sees(place)) return null;
    const said = this.run.error(index, place);
    if (said) return said;
    const value = this.run.value(index, place);
    const labels = this.content.labels[place];
    return labels ? labels[value] : rounded(value, 5, true);
  }

  summary() {
    const { iteration, phased, part } = this.state, { loss, names } = this.content;
    const example = this.run.value(this.index, this.example);
    const said = [`Iteration ${iteration} presents example ${example}.`];
    if (loss !== null) said.push(`${names[loss]} = ${this.say(loss)}.`);
    if (phased) said.push(["The forward pass.", "The backward pass.", "The update."][part]);
    return said.join(" ");
  }

  drawNetwork() {
    const { phased, part, chosen } = this.state, { phases } = this.content;
    const lit = (node) => phased && (part === 0 ? node.kind === "neuron" : part === 1 && node.error !== null);
    const largest = this.network.update({
      see: (place) => this.sees(place),
      say: (place) => (this.sees(place) ? shortly(this.worked.leaf(this.index, place)) : "?"),
      value: (place) => this.run.value(this.index, place),
      chosen, lit,
      colours: !phased || part === 2,
    });
    byId("widest").textContent = largest ? `The widest arrow: ${rounded(largest, 2)}.` : "";
    byId("picture").dataset.part = phased ? PARTS[part] : "all";
    const node = this.content.picture.nodes[chosen];
    byId("chosen").hidden = !node;
    if (node) byId("chosen-name").textContent = node.name;
  }

  // The groups of the worked solution, with the columns of each.
  groups() {
    const { phases } = this.content, chosen = this.places();
    const of = (...wanted) => chosen.filter((place) => wanted.includes(phases[place]));
    return [
      ["forward", of(PHASE.forward)],
      ["backward", of(PHASE.backward, PHASE.gradient)],
      ["update", of(PHASE.update)],
      ["weights", of(PHASE.weight).filter((place) => this.content.forms[place] !== null)],
      ["test", of(PHASE.test)],
    ];
  }

  drawSolution() {
    const { phased, part, iteration } = this.state;
    // Groups open by themselves when a phase begins; then they are the reader's.
    const begins = phased && this.began !== `${iteration} ${part}`;
    this.began = phased ? `${iteration} ${part}` : "";
    this.drawGiven();
    for (const [name, places] of this.groups()) {
      const group = byId(`group-${name}`);
      const number = max(0, PARTS.indexOf(name)), late = ["weights", "test"].includes(name);
      group.hidden = !places.length || (late && this.state.practice);
      if (begins) group.open = late ? part === 2 : number === part;
      const waits = phased && (late ? part < 2 : number > part);
      if (group.open && !group.hidden) this.drawGroup(group, name, waits ? [] : places);
    }
  }

  drawGiven() {
    const { phases, roles, roleNames, parameters } = this.content;
    const chosen = new Set(this.places());
    const leaves = phases.flatMap((phase, place) => {
      if (phase === PHASE.weight) return chosen.has(place) ? [place] : [];
      return phase === PHASE.input && ["data", "target"].includes(roleNames[roles[place]]) ? [place] : [];
    });
    const cells = parameters.map((_, place) => this.run.width + place);
    const items = [...leaves.slice(0, MOST_STEPS), ...cells].map((leaf) => `<li>${this.worked.given(leaf, this.index)}</li>`);
    if (leaves.length > MOST_STEPS) items.push(`<li>… and ${leaves.length - MOST_STEPS} more</li>`);
    byId("given").innerHTML = items.join("");
  }

  drawGroup(group, name, places) {
    const body = group.querySelector(".steps-of"), { practice } = this;
    const key = [this.version, this.index, this.state.chosen, Boolean(practice), places.length].join();
    if (practice && body.dataset.key === key) return; // somebody may be typing there
    body.dataset.key = key;
    const shown = places.slice(0, MOST_STEPS), more = places.length - shown.length;
    body.replaceChildren(...shown.map((place) => this.step(name, place)));
    if (more) element("p", { text: `… and ${more.toLocaleString("en")} more: choose a neuron in the picture.`, class: "note" }, body);
  }

  step(group, place) {
    const made = element("div", { class: "step" });
    element("p", { text: group === "weights" ? `The new ${this.content.names[place]}.` : this.content.sentences[place] }, made);
    const equation = element("div", { class: "equation", tabindex: 0, role: "group", "aria-label": this.content.names[place] }, made);
    if (this.practice && this.isAsked(place)) this.question(made, equation, place);
    else equation.innerHTML = group === "weights" ? this.worked.newWeight(place, this.index) : this.worked.step(place, this.index);
    return made;
  }

  question(made, equation, place) {
    const { practice, content } = this;
    const line = element("p", { class: "answer" }, made);
    const input = element("input", {
      "aria-label": `${content.names[place]} =`, autocomplete: "off", size: 12, value: practice.answers.get(place) ?? "",
      "aria-describedby": `verdict-${place}`, inputmode: "text", "data-place": place,
    }, line);
    const button = element("button", { text: "Show", type: "button", class: "quiet" }, line);
    const verdict = element("span", { id: `verdict-${place}`, class: "verdict", role: "status" }, line);
    const show = () => {
      const open = practice.isOpen(place), found = practice.verdicts.get(place);
      equation.innerHTML = open ? this.worked.step(place, this.index)
        : this.worked.equation(content.symbols[place], [this.worked.symbolic(place)]);
      verdict.textContent = found ? `${found.mark} ${found.word}${found.reason && `: ${found.reason}`}` : "";
      verdict.dataset.mark = found?.mark ?? "";
      button.hidden = open;
    };
    made.show = show;
    input.addEventListener("input", () => {
      practice.answer(place, input.value);
      document.querySelectorAll("#solution .step").forEach((step) => step.show?.());
      this.render();
    });
    button.addEventListener("click", () => {
      practice.revealed.add(place);
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

  // --- what people do

  controls() {
    const { state, run } = this;
    const { iterations } = this.content, of = run.rows < iterations ? ` (of ${iterations.toLocaleString("en")})` : "";
    byId("count").textContent = run.rows.toLocaleString("en") + of;
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
    on("reset", "click", () => {
      run.restore();
      this.changed();
      this.edit();
    });
    on("save", "click", () => this.save());
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
    const file = new Blob([this.edits.file()], { type: "application/toml" });
    const link = element("a", { href: URL.createObjectURL(file), download: `${this.content.name}.toml` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    this.tell(`Saved as ${this.content.name}.toml. Run it: bpsheet run ${this.content.name}.toml`);
  }

  address() {
    const state = linked({ iteration: this.state.iteration, changes: this.edits.differences() });
    return `${location.href.split("#")[0]}#${state}`;
  }

  async copyLink() {
    history.replaceState(null, "", this.address());
    try {
      await navigator.clipboard.writeText(location.href);
      this.tell("The link is copied. Whoever has this page sees the same numbers with it.");
    } catch {
      byId("address").value = location.href;
      byId("share").showModal();
      byId("address").select();
    }
  }

  openLink() {
    const hash = location.hash.slice(1);
    if (!hash) {
      this.edit();
      this.go(1);
      return;
    }
    const state = unlinked(hash);
    const unknown = state ? this.edits.apply(Object(state.changes)) : [];
    this.edit();
    this.changed();
    this.go(Number.isInteger(state?.iteration) ? state.iteration : 1);
    if (!state) this.tell("The link cannot be read; this is the experiment as it was made.");
    else if (unknown.length) this.tell(`The link has numbers that this page does not: ${unknown.slice(0, 5).join(", ")}.`);
  }

  tell(text) {
    byId("told").textContent = text;
  }
}

// Three digits with a minus sign of its own, or the word in a number's place.
const shortly = (value) => (typeof value === "string" ? value : rounded(value, 3, true).replace(/-/g, "−"));

// The fields of the numbers that may be changed, and the changed experiment as a file and a link.
const LARGEST = 1e300, FEW_EXAMPLES = 12, FEW_WEIGHTS = 60;
const PLAIN = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$/;

class Edits {
  // `changed` is called after a number has changed. `box` is the element that holds the fields.
  constructor(box, content, run, changed) {
    Object.assign(this, { box, content, run, changed });
    this.weights = content.phases.flatMap((phase, index) => (phase === PHASE.weight ? [index] : []));
  }

  // Shows the fields. Of many examples only the presented one has fields, of many weights only
  // those of the chosen neuron.
  show(example, chosen) {
    const { run, content } = this;
    const active = document.activeElement?.id;
    this.box.replaceChildren();
    const near = chosen && new Set(chosen);
    const weights = this.weights.length <= FEW_WEIGHTS ? this.weights : this.weights.filter((index) => near?.has(index));
    const group = (title, note) => {
      const set = element("fieldset", {}, this.box);
      element("legend", { text: title }, set);
      if (note) element("p", { text: note, class: "note" }, set);
      return element("div", { class: "fields" }, set);
    };
    if (content.parameters.length) {
      const fields = group("Training");
      content.parameters.forEach((cell, index) => this.parameter(fields, cell, index));
    }
    if (this.weights.length) {
      const many = weights.length < this.weights.length;
      const fields = group("First weights", many ? `Of ${this.weights.length} weights, only those of the neuron chosen in the picture are shown.` : "");
      weights.forEach((index) => this.field(fields, content.names[index], run.starts[index], (value) => { run.starts[index] = value; }));
    }
    const count = run.tables[0].length;
    const rows = count <= FEW_EXAMPLES ? [...Array(count).keys()] : [example - 1];
    const note = rows.length < count ? `Of ${count} examples, only number ${example} is shown: this iteration presents it.` : "";
    const fields = group("Examples", note);
    rows.forEach((row) => content.tables.forEach(([name], table) => {
      this.field(fields, `${name}[${row + 1}]`, run.tables[table][row], (value) => { run.tables[table][row] = value; });
    }));
    if (active) document.getElementById(active)?.focus();
  }

  parameter(fields, cell, index) {
    const { parameters } = this.run;
    const label = element("label", { title: cell.meaning }, fields);
    element("span", { text: cell.label }, label);
    if (!cell.choices.length) {
      this.input(label, `edit-${cell.name}`, parameters[index], (value) => { parameters[index] = value; }, cell);
      return;
    }
    const select = element("select", { id: `edit-${cell.name}` }, label);
    cell.choices.forEach((choice) => element("option", { text: choice }, select));
    select.value = parameters[index];
    select.addEventListener("change", () => {
      parameters[index] = select.value;
      this.changed();
    });
  }

  field(fields, name, value, put) {
    const label = element("label", {}, fields);
    element("span", { text: name }, label);
    this.input(label, `edit-${name}`, value, put);
  }

  input(label, id, value, put, cell = { between: [-LARGEST, LARGEST], whole: false, expected: "a number" }) {
    const input = element("input", { id, inputmode: "text", autocomplete: "off", spellcheck: "false", size: 8, value: String(value) }, label);
    input.addEventListener("input", () => {
      const text = input.value.trim().replace(/[−–]/g, "-"), number = Number(text);
      const right = PLAIN.test(text) && number >= cell.between[0] && number <= cell.between[1]
        && (!cell.whole || Number.isInteger(number));
      input.toggleAttribute("aria-invalid", !right);
      if (!right) input.setAttribute("aria-invalid", "true");
      input.title = right ? "" : `Expected: ${cell.expected}. Until then the last right number counts.`;
      if (!right) return;
      put(number);
      this.changed();
    });
  }

  // The numbers that differ from the experiment file, by name.
  differences() {
    const { run, content } = this, { starts, parameters, tables } = run.original;
    const changes = {};
    this.weights.forEach((index) => {
      if (run.starts[index] !== starts[index]) changes[content.names[index]] = run.starts[index];
    });
    content.parameters.forEach((cell, index) => {
      if (run.parameters[index] !== parameters[index]) changes[cell.name] = run.parameters[index];
    });
    content.tables.forEach(([name], table) => run.tables[table].forEach((value, row) => {
      if (value !== tables[table][row]) changes[`${name}[${row + 1}]`] = value;
    }));
    return changes;
  }

  // Applies such changes to the original numbers. Returns the names that this page does not have.
  apply(changes) {
    const { run, content } = this, unknown = [];
    run.restore();
    for (const [key, value] of Object.entries(changes)) {
      const weight = this.weights.find((index) => content.names[index] === key);
      const cell = content.parameters.findIndex(({ name }) => name === key);
      const [, name, row] = /^(.*)\[([0-9]+)\]$/.exec(key) ?? [];
      const table = content.tables.findIndex(([known]) => known === name);
      const isNumber = Number.isFinite(value);
      if (weight !== undefined && isNumber) run.starts[weight] = value;
      else if (cell >= 0 && this.allows(content.parameters[cell], value)) run.parameters[cell] = value;
      else if (table >= 0 && isNumber && row >= 1 && row <= run.tables[table].length) run.tables[table][row - 1] = value;
      else unknown.push(key);
    }
    return unknown;
  }

  allows({ choices, between, whole }, value) {
    if (choices.length) return choices.includes(value);
    return Number.isFinite(value) && value >= between[0] && value <= between[1] && (!whole || Number.isInteger(value));
  }

  // The experiment file with the numbers of the page.
  file() {
    const { text, mark, fillings, order } = this.content.file;
    const slot = new RegExp(`"${mark}-([0-9]+)"`, "g");
    return text.replace(slot, (_, number) => this.filling(fillings[number], order));
  }

  filling(filling, order) {
    const { run } = this;
    if (filling === "examples") {
      const rows = run.tables[0].map((_, row) => `    [${order.map((table) => run.tables[table][row]).join(", ")}],\n`);
      return `[\n${rows.join("")}]`;
    }
    if (Array.isArray(filling)) return `[${filling.map((part) => this.filling(part, order)).join(", ")}]`;
    const value = filling < run.width ? run.starts[filling] : run.parameters[filling - run.width];
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  }
}

// Turns a state into text for a link, and back. The way back gives null for any other text.
function linked(state) {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function unlinked(text) {
  try {
    const bytes = Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
    const state = JSON.parse(new TextDecoder().decode(bytes));
    return state && typeof state === "object" && !Array.isArray(state) ? state : null;
  } catch {
    return null;
  }
}

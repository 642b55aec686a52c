// What may be changed: first weights, hyper-parameters, examples; and the state as a file and a link.
const LARGEST = 1e300, FEW_EXAMPLES = 12, FEW_WEIGHTS = 60;
const PLAIN = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$/;

class Edits {
  // `changed` is called when a number was changed.
  constructor(place, content, run, changed) {
    Object.assign(this, { place, content, run, changed });
    this.weights = content.phases.flatMap((phase, index) => (phase === PHASE.weight ? [index] : []));
  }

  // Fields for all that may be changed; of many examples for the one that is presented, of many
  // weights for those of the chosen neuron.
  show(example, chosen) {
    const { run, content } = this;
    const active = document.activeElement?.id;
    this.place.replaceChildren();
    const near = chosen && new Set(chosen);
    const weights = this.weights.length <= FEW_WEIGHTS ? this.weights : this.weights.filter((index) => near?.has(index));
    const group = (title, note) => {
      const made = element("fieldset", {}, this.place);
      element("legend", { text: title }, made);
      if (note) element("p", { text: note, class: "note" }, made);
      return element("div", { class: "fields" }, made);
    };
    if (content.parameters.length) {
      const fields = group("Training");
      content.parameters.forEach((cell, index) => this.parameter(fields, cell, index));
    }
    if (this.weights.length) {
      const many = weights.length < this.weights.length;
      const fields = group("First weights", many ? `Of ${this.weights.length} weights, those of the neuron chosen in the picture.` : "");
      weights.forEach((index) => this.field(fields, content.names[index], run.starts[index], (value) => { run.starts[index] = value; }));
    }
    const count = run.tables[0].length;
    const rows = count <= FEW_EXAMPLES ? [...Array(count).keys()] : [example - 1];
    const said = rows.length < count ? `Of ${count} examples, number ${example}: the one that this iteration presents.` : "";
    const fields = group("Examples", said);
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
      input.title = right ? "" : `${cell.expected} expected; the last one counts`;
      if (!right) return;
      put(number);
      this.changed();
    });
  }

  // What differs from the experiment file, by name.
  differences() {
    const { run, content } = this, { starts, parameters, tables } = run.original;
    const found = {};
    this.weights.forEach((index) => {
      if (run.starts[index] !== starts[index]) found[content.names[index]] = run.starts[index];
    });
    content.parameters.forEach((cell, index) => {
      if (run.parameters[index] !== parameters[index]) found[cell.name] = run.parameters[index];
    });
    content.tables.forEach(([name], table) => run.tables[table].forEach((value, row) => {
      if (value !== tables[table][row]) found[`${name}[${row + 1}]`] = value;
    }));
    return found;
  }

  // Put such differences in; the names that this page does not have are given back.
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

  // The experiment file with these numbers.
  file() {
    const { text, mark, fillings, order } = this.content.file;
    const place = new RegExp(`"${mark}-([0-9]+)"`, "g");
    return text.replace(place, (_, number) => this.filling(fillings[number], order));
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

// A state as text for a link, and back; null where it is none.
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

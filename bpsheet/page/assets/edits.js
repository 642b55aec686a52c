// The fields of the numbers that may be changed, and the changed experiment as a file and a link.
const LARGEST = 1e300, FEW_WEIGHTS = 60;
const PLAIN = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$/;

class Edits {
  // `box` is the element that holds the fields. `app` computes again after a change.
  constructor(box, content, run, app) {
    Object.assign(this, { box, content, run, app });
    this.examples = new Examples(this);
    this.weights = content.phases.flatMap((phase, index) => (phase === PHASE.weight ? [index] : []));
  }

  // Shows the fields. Of many weights only those of the chosen neuron have fields.
  show(example, chosen) {
    const { run, content } = this;
    this.again = () => this.show(example, chosen);
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
    // Every column of a group is as wide as its longest label and a field need.
    const widths = () => this.box.querySelectorAll(".fields").forEach((fields) => {
      const longest = max(0, ...[...fields.children].map(({ textContent, lastChild }) => textContent.length + (lastChild.size ?? 8)));
      fields.style.setProperty("--least", `${2.4 + 0.62 * longest}rem`);
    });
    if (content.parameters.length) {
      const fields = group("Training");
      this.rules(fields);
      content.parameters.forEach((cell, index) => this.parameter(fields, cell, index));
    }
    if (this.weights.length) {
      const many = weights.length < this.weights.length;
      const fields = group("First weights", many ? `Of ${this.weights.length} weights, only those of the neuron chosen in the picture are shown.` : "");
      weights.forEach((index) => this.field(fields, content.names[index], run.starts[index], (value) => { run.starts[index] = value; }));
    }
    if (content.tables.length) {
      this.examples.show(group("Examples").parentElement, example);
    }
    widths();
    if (active) document.getElementById(active)?.focus();
  }

  changed() { this.app.changed(); }

  tell(text) { this.app.tell(text); }

  // The choice of a rule, and of updates after each example or after each batch.
  rules(fields) {
    const { variants } = this.app, [rule, batched] = this.content.variant;
    if (variants.offered.length < 2) return;
    const choice = (label, id, options, chosen, choose) => {
      const line = element("label", {}, fields);
      element("span", { text: label }, line);
      const select = element("select", { id }, line);
      options.forEach(([text, value, can]) => {
        const option = element("option", { text, value }, select);
        option.disabled = !can;
      });
      select.value = String(chosen);
      select.addEventListener("change", () => choose(select.value));
    };
    choice("rule", "edit-rule", variants.rules.map((name) => [name.replaceAll("_", " "), name, variants.has(name, batched)]), rule,
      (name) => variants.choose(name, batched));
    choice("update after", "edit-batch", [["each example", "false", variants.has(rule, false)], ["each batch", "true", variants.has(rule, true)]], batched,
      (value) => variants.choose(rule, value === "true"));
  }

  parameter(fields, cell, index) {
    const { parameters } = this.run;
    if (cell.follows) return;
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
    const input = element("input", { id, inputmode: "text", autocomplete: "off", spellcheck: "false", size: min(22, max(8, String(value).length + 1)), value: localised(String(value)) }, label);
    input.addEventListener("input", () => {
      const number = this.number(input.value);
      const right = number !== null && number >= cell.between[0] && number <= cell.between[1]
        && (!cell.whole || Number.isInteger(number));
      input.toggleAttribute("aria-invalid", !right);
      if (!right) input.setAttribute("aria-invalid", "true");
      input.title = right ? "" : `Expected: ${cell.expected}. Until then, the last valid number is used.`;
      if (!right) return;
      put(number);
      this.changed();
    });
    return input;
  }

  // The number that a text says, or null.
  number(typed) {
    const text = pointed(typed.trim().replace(/[−–]/g, "-")), number = Number(text);
    return PLAIN.test(text) && abs(number) <= LARGEST ? number : null;
  }

  // The numbers that differ from the experiment file, by name.
  differences() {
    const { run, content } = this, { starts, parameters, tables } = run.original;
    const changes = {};
    this.weights.forEach((index) => {
      if (run.starts[index] !== starts[index]) changes[content.names[index]] = run.starts[index];
    });
    content.parameters.forEach((cell, index) => {
      if (!cell.follows && run.parameters[index] !== parameters[index]) changes[cell.name] = run.parameters[index];
    });
    if (tables.length && run.tables[0].length !== tables[0].length) {
      changes.examples = run.tables.map((table) => table.slice());
      return changes;
    }
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
      if (key === "examples" && this.areExamples(value)) run.tables = value;
      else if (weight !== undefined && isNumber) run.starts[weight] = value;
      else if (cell >= 0 && !content.parameters[cell].follows && this.allows(content.parameters[cell], value)) run.parameters[cell] = value;
      else if (table >= 0 && isNumber && row >= 1 && row <= run.tables[table].length) run.tables[table][row - 1] = value;
      else unknown.push(key);
    }
    return unknown;
  }

  // Whether a value is the columns of all examples, from a link.
  areExamples(columns) {
    const { tables } = this.run;
    return this.examples.mayGrow && Array.isArray(columns) && columns.length === tables.length
      && columns.every((column) => Array.isArray(column) && column.length >= 1 && column.length <= MOST_EXAMPLES
        && column.length === columns[0].length && column.every((value) => Number.isFinite(value) && abs(value) <= LARGEST));
  }

  allows({ choices, between, whole }, value) {
    if (choices.length) return choices.includes(value);
    return Number.isFinite(value) && value >= between[0] && value <= between[1] && (!whole || Number.isInteger(value));
  }

  // The experiment file with the numbers of the page.
  file() {
    const { text, mark, fillings, order } = this.content.file;
    const slot = new RegExp(`"${mark}-([0-9]+)"`, "g"), { tables } = this.run.original;
    // With other examples, as many epochs would be another number of iterations.
    const isLonger = tables.length && this.run.tables[0].length !== tables[0].length;
    const whole = isLonger ? text.replace(/^epochs = [0-9]+$/m, `iterations = ${this.content.iterations}`) : text;
    return whole.replace(slot, (_, number) => this.filling(fillings[number], order));
  }

  filling(filling, order) {
    const { run } = this;
    if (filling === "examples") {
      const rows = run.tables[0].map((_, row) => `    [${order.map((table) => run.tables[table][row]).join(", ")}],\n`);
      return `[\n${rows.join("")}]`;
    }
    if (Array.isArray(filling)) return `[${filling.map((part) => this.filling(part, order)).join(", ")}]`;
    const value = filling < run.width ? run.starts[filling] : this.run.setting(filling - run.width);
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

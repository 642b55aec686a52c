"use strict";
// The page of `bpsheet app`. It shows what the program says, and sends what a person types: nothing
// is worked out here.

const TOKEN = new URLSearchParams(location.search).get("token");
const WAIT = 400;
const state = { text: "", name: "", kind: "network", layers: -1, sections: [], again: "", dropped: [], most: Infinity, shown: "", isUnread: false };
const at = (id) => document.getElementById(id);

function make(tag, given = {}, ...inside) {
  const part = document.createElement(tag);
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) part.addEventListener(key.slice(2), value);
    else part.setAttribute(key, value === true ? "" : value);
  }
  part.append(...inside.filter((one) => one !== null && one !== undefined));
  return part;
}

// --- Calls -----------------------------------------------------------------------------------------

let waiting = 0;
async function call(name, asked, files = [], busy = "") {
  const body = new FormData();
  body.append("asked", JSON.stringify(asked));
  let size = 0;
  for (const [field, file, path] of files) {
    size += file.size;
    body.append(field, file, path || file.name);
  }
  if (size > state.most) return tooLarge(size);
  waiting += 1;
  if (busy) at("busy").textContent = busy;
  try {
    const answer = await fetch(`/api/${name}`, { method: "POST", body, headers: { "X-Bpsheet-Token": TOKEN } });
    if (answer.ok) return await answer.json();
    if (answer.status === 413) return tooLarge(size);
    return problem(`bpsheet refused this (status ${answer.status}). Open the address that stands in its window again.`);
  } catch {
    return problem("bpsheet does not answer. If it has ended, start it again, and open the new address.");
  } finally {
    waiting -= 1;
    if (!waiting) at("busy").textContent = "";
  }
}
const tooLarge = (size) => problem(`These files have ${megabytes(size)} together; at most ${megabytes(state.most)} are taken at a time. Leave out what is no sheet, such as pictures and videos, or send the files in several parts.`);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1).replace(/\.0$/, "")} MB`;
const problem = (said) => ({ problems: [{ place: "", said }] });
const current = () => ({ text: state.text, name: state.name });

// --- The experiment --------------------------------------------------------------------------------

// What is asked of the experiment is asked in turn, each of the newest text: an answer that overtakes
// another one would bring back what a person has changed since.
let turn = Promise.resolve();
function inTurn(work) {
  const done = turn.then(work);
  turn = done.catch(() => {});
  return done;
}

// How many changes of each place are on their way: until they are answered, the field is right and
// the text is old.
const sent = new Map();
const count = (place, more) => sent.set(place, (sent.get(place) ?? 0) + more);

function change(asked) {
  count(asked.place, 1);
  return inTurn(async () => {
    const got = await call("change", { ...current(), ...asked });
    count(asked.place, -1);
    state.isUnread = got.text === undefined;
    if (state.isUnread) return showProblems(got.problems);
    if (got.told.length) at("told").replaceChildren(...got.told.map((said) => make("li", {}, said)));
    // The experiment may have got another name since it was asked for.
    show({ ...got, name: undefined });
    // The button that was pressed is gone with its layer.
    const layer = Math.min(asked.add ?? asked.remove ?? 0, got.layers);
    if (layer) at("layers").children[layer - 1].querySelector("input").focus();
  });
}

// Nothing is made of an experiment that is not the one which the form shows.
async function unread() {
  await turn;
  return state.isUnread ? problem("The form has a value that cannot be read, so nothing was made. Mend it first.") : null;
}

let timer = 0;
function later(what) {
  clearTimeout(timer);
  timer = setTimeout(what, WAIT);
}

function check() {
  return inTurn(async () => {
    const checked = state.text;
    const got = await call("check", current());
    if (checked === state.text) show(got);
  });
}

function show(got) {
  state.isUnread = false;
  if (got.text !== undefined) {
    state.text = got.text;
    if (document.activeElement !== at("text")) at("text").value = got.text;
  }
  if (got.name !== undefined) {
    state.name = got.name;
    if (document.activeElement !== at("name")) at("name").value = got.name;
  }
  try {
    sessionStorage.setItem("bpsheet", JSON.stringify(current()));
  } catch { /* A browser that keeps nothing works as well. */ }
  for (const part of document.querySelectorAll(".current")) part.textContent = got.title || state.name;
  if (got.fields) showFields(got);
  at("form").hidden = !got.fields || at("as-text").getAttribute("aria-pressed") === "true";
  at("closed").hidden = Boolean(got.fields) || at("as-text").getAttribute("aria-pressed") === "true";
  if (got.rows) showLook(got);
  at("look").hidden = !got.rows;
  showProblems(got.problems);
}

function showLook(got) {
  const image = got.picture
    ? make("img", { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(got.picture)}`, alt: "The network, with the names of its weights" })
    : "";
  at("picture").replaceChildren(image);
  at("summary").replaceChildren(...got.said.map((said) => make("li", {}, said)));
  at("rows").replaceChildren(
    make("table", {},
      make("thead", {}, make("tr", {}, ...got.heads.map((head, n) => make("th", { scope: "col", title: got.phases[n] }, head)))),
      make("tbody", {}, ...got.rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, cell)))))));
  at("more").textContent = got.more;
}

function showProblems(problems) {
  at("problems-part").hidden = !problems.length;
  for (const wrong of document.querySelectorAll("#form .wrong")) wrong.remove();
  for (const part of document.querySelectorAll("#form [aria-invalid]")) {
    part.removeAttribute("aria-invalid");
    part.removeAttribute("aria-describedby");
  }
  at("problems").replaceChildren(...problems.map(({ place, said }, number) => {
    const control = place && nearest(place);
    if (!control) return make("li", {}, place ? `${place}: ${said}` : said);
    const id = `wrong-${number}`;
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-describedby", id);
    control.closest(".field").append(make("p", { class: "wrong", id }, said));
    const go = () => {
      asText(false);
      for (let part = control; part; part = part.parentElement) if (part.tagName === "DETAILS") part.open = true;
      control.focus();
    };
    return make("li", {}, make("button", { type: "button", onclick: go }, place), `: ${said}`);
  }));
}

// A problem may lie inside a value: data.examples[2].
function nearest(place) {
  for (let name = place; name; name = name.replace(/(\[[^\]]*\]|\.[^.[\]]*|^[^.[\]]*)$/, "")) {
    const control = at(`f:${name}`);
    if (control) return control;
  }
  return null;
}

// --- The form --------------------------------------------------------------------------------------

function build() {
  const parts = [];
  for (const section of state.sections) {
    if (section.list) {
      parts.push(make("div", { id: "layers" }));
      continue;
    }
    const prefix = section.table ? `${section.table}.` : "";
    const main = section.fields.filter((one) => one.is_common).map((one) => field(one, prefix));
    const rest = section.fields.filter((one) => !one.is_common).map((one) => field(one, prefix));
    const box = main.length
      ? make("fieldset", { "data-table": section.table }, make("legend", {}, section.title), ...main,
        rest.length ? make("details", { class: "more" }, make("summary", {}, `More of ${section.title.toLowerCase()}`), ...rest) : null)
      : make("details", { class: "more", "data-table": section.table }, make("summary", { class: "part-title" }, section.title), ...rest);
    parts.push(box);
  }
  at("form").replaceChildren(...parts);
}

function layersOf(count) {
  const section = state.sections.find((one) => one.list);
  const cards = [];
  for (let n = 1; n <= count; n += 1) {
    const prefix = `${section.table}[${n}].`;
    const rest = section.fields.filter((one) => !one.is_common).map((one) => field(one, prefix));
    cards.push(make("fieldset", { "data-layer": n },
      make("legend", {}, `Layer ${n}${n === count ? " (output)" : ""}`),
      ...section.fields.filter((one) => one.is_common).map((one) => field(one, prefix)),
      make("details", { class: "more" }, make("summary", {}, `More of layer ${n}`), ...rest),
      make("p", { class: "row" },
        make("button", { type: "button", onclick: () => change({ add: n }) }, `Add a layer before layer ${n}`),
        count > 1 ? make("button", { type: "button", onclick: () => change({ remove: n }) }, `Remove layer ${n}`) : null)));
  }
  at("layers").replaceChildren(...cards);
}

function field(one, prefix) {
  const place = `${prefix}${one.key}`;
  const id = `f:${place}`;
  const send = () => {
    clearTimeout(timer);
    change({ place, value: control.value });
  };
  const given = { id, onchange: send, autocomplete: "off", spellcheck: "false" };
  let control;
  let words = null;
  if (one.kind === "choice" || one.kind === "flag") {
    const choices = one.kind === "flag" ? ["true", "false"] : one.choices;
    control = make("select", given,
      make("option", { value: "" }, one.usual ? `${one.usual} (default)` : "not given"),
      ...choices.filter((word) => word !== one.usual).map((word) => make("option", { value: word }, word)));
    if (one.usual) control.dataset.usual = one.usual;
  } else if (["matrix", "lines"].includes(one.kind)) {
    control = make("textarea", { ...given, rows: one.key === "notes" ? 3 : 2 });
  } else {
    if (one.choices.length) words = make("datalist", { id: `words:${place}` }, ...one.choices.map((word) => make("option", { value: word })));
    control = make("input", { ...given, list: words && words.id, placeholder: one.usual, inputmode: one.kind === "whole" ? "numeric" : null });
  }
  control.addEventListener("input", () => later(send));
  const kinds = { matrix: "a row in each line", names: "separated by commas", numbers: "separated by blanks" };
  const hint = kinds[one.kind] ? `${kinds[one.kind][0].toUpperCase()}${kinds[one.kind].slice(1)}. ` : "";
  return make("div", { class: "field" },
    make("div", { class: "name" },
      make("label", { for: id }, one.label),
      one.help || hint ? make("details", { class: "help" }, make("summary", { "aria-label": `Help on ${one.label}` }, "help"), make("p", {}, `${hint}${one.help}`)) : null),
    control, words);
}

function showFields(got) {
  if (got.layers !== state.layers) {
    state.layers = got.layers;
    layersOf(got.layers);
  }
  const hidden = got.kind === "graph" ? ["network"] : ["graph"];
  for (const box of document.querySelectorAll("#form > [data-table]")) box.hidden = hidden.includes(box.dataset.table);
  at("layers").hidden = got.kind === "graph";
  for (const control of at("form").querySelectorAll("[id^='f:']")) {
    const place = control.id.slice(2);
    const value = got.fields[place] ?? "";
    if (control === document.activeElement || sent.get(place)) continue;
    if (control.tagName === "SELECT" && value === control.dataset.usual) control.value = "";
    else if (control.tagName === "SELECT" && value && ![...control.options].some((one) => one.value === value)) {
      control.append(make("option", { value }, value));
      control.value = value;
    } else control.value = value;
    if (control.tagName === "TEXTAREA") control.rows = Math.min(12, Math.max(2, value.split("\n").length));
  }
  // What is given is open; what a person opened stays so until there is another experiment.
  const isOther = state.shown !== state.name;
  state.shown = state.name;
  for (const more of document.querySelectorAll("#form details.more")) {
    const isGiven = [...more.querySelectorAll("[id^='f:']")].some((one) => one.value);
    if (isGiven || isOther) more.open = isGiven;
  }
}

function asText(on) {
  at("as-form").setAttribute("aria-pressed", String(!on));
  at("as-text").setAttribute("aria-pressed", String(on));
  at("text-part").hidden = !on;
  at("form").hidden = on;
  at("closed").hidden = true;
}

// --- Results ---------------------------------------------------------------------------------------

const size = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : megabytes(bytes));

function result(box, got) {
  const parts = [];
  if (got.problems) {
    parts.push(make("h3", {}, "This did not work yet"));
    parts.push(make("ul", { class: "problems" }, ...got.problems.map(({ place, said }) => make("li", {}, place ? `${place}: ${said}` : said))));
  } else {
    parts.push(make("ul", { class: "files" }, ...got.files.map((file) => make("li", {},
      make("a", { href: file.href, download: file.name, class: "main" }, file.name), ` (${size(file.size)}) ${file.what} `,
      /\.(html|pdf)$/.test(file.name) ? make("a", { href: `${file.href}?open`, target: "_blank", rel: "noopener" }, `Open ${file.name}`) : null))));
    parts.push(make("ul", { class: "said" }, ...got.said.map((said) => make("li", {}, said))));
  }
  box.replaceChildren(...parts);
  box.scrollIntoView({ block: "nearest" });
}

function marksOf(got) {
  const box = at("marks-result");
  result(box, got);
  if (got.problems) return;
  state.again = got.again;
  at("again").disabled = false;
  const parts = [];
  if (got.first.length) {
    parts.push(make("h3", {}, "Look at these first"));
    parts.push(make("ul", { class: "first" }, ...got.first.map((said) => make("li", {}, said))));
  }
  if (got.rows.length) {
    const heads = ["Student", "Marks", "First mistake", "Causes"];
    parts.push(make("h3", {}, "Marks"));
    parts.push(make("p", {}, make("a", { href: `${got.classPage}?open`, target: "_blank", rel: "noopener" }, "The class: what failed, and how often")));
    parts.push(make("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Marks" }, make("table", { class: "marks" },
      make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
      make("tbody", {}, ...got.rows.map((row) => make("tr", {},
        make("td", {}, make("a", { href: `${row.page}?open`, target: "_blank", rel: "noopener" }, row.student)),
        make("td", {}, row.marks), make("td", {}, row.first), make("td", {}, row.causes)))))));
  }
  box.prepend(...parts);
}

function given(form) {
  const asked = { ask: [], vary: [] };
  for (const part of form.elements) {
    if (!part.name || part.type === "file") continue;
    if (part.type !== "checkbox") asked[part.name] = part.value;
    else if (!["ask", "vary"].includes(part.name)) asked[part.name] = part.checked;
    else if (part.checked) asked[part.name].push(part.value);
  }
  return asked;
}

function filesOf(form) {
  const files = [];
  for (const part of form.elements) {
    if (part.type === "file") for (const file of part.files) files.push([part.name, file, file.webkitRelativePath]);
  }
  return files;
}

// --- Files that are dropped ------------------------------------------------------------------------

async function within(entry, path) {
  if (entry.isFile) {
    const file = await new Promise((done, fail) => entry.file(done, fail));
    return [["handins", file, `${path}${entry.name}`]];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!some.length) return found;
    for (const one of some) found.push(...await within(one, `${path}${entry.name}/`));
  }
}

// Where dropped files go: the hand-ins, or a field for files. Beside these they go nowhere, and open
// nothing in the place of the page.
const landing = (event) => event.target.closest("#drop") || event.target.closest("fieldset:has(> .file), .file");

function drag(event) {
  event.preventDefault();
  for (const part of document.querySelectorAll(".over")) part.classList.remove("over");
  const place = event.type === "dragover" && landing(event);
  if (place) place.classList.add("over");
}

function drop(event) {
  drag(event);
  const place = landing(event);
  if (place === at("drop")) return handIn(event.dataTransfer);
  const input = place && place.querySelector("input[type=file]");
  if (!input) return;
  const taken = new DataTransfer();
  for (const file of event.dataTransfer.files) if (input.multiple || !taken.files.length) taken.items.add(file);
  input.files = taken.files;
  input.dispatchEvent(new Event("change"));
}

async function handIn(given) {
  const entries = [...given.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
  const loose = [...given.files].map((file) => ["handins", file, file.name]);
  const found = entries.length ? (await Promise.all(entries.map((entry) => within(entry, "")))).flat() : loose;
  state.dropped.push(...found);
  at("dropped").replaceChildren(`${state.dropped.length} dropped. `,
    make("button", { type: "button", class: "quiet", onclick: takeAway }, "Remove them"));
}

function takeAway() {
  state.dropped = [];
  at("dropped").replaceChildren();
  at("drop").querySelector("input").focus();
}

// --- The views, and the beginning ------------------------------------------------------------------

function view() {
  const wanted = ["experiment", "exercise", "marks"].find((name) => location.hash === `#${name}`) || "experiment";
  for (const part of document.querySelectorAll("main.view")) part.hidden = part.id !== wanted;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${wanted}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
}

async function saved() {
  const wrong = await unread();
  if (wrong) return at("told").replaceChildren(make("li", {}, wrong.problems[0].said));
  const link = make("a", { href: URL.createObjectURL(new Blob([state.text], { type: "application/toml" })), download: `${state.name || "experiment"}.toml` });
  link.click();
  URL.revokeObjectURL(link.href);
}

function listen() {
  addEventListener("hashchange", view);
  at("template").addEventListener("change", () => {
    at("told").replaceChildren();
    const name = at("template").value;
    // Arrows pass over templates: the last one is meant.
    const isMeant = () => name && name === at("template").value;
    inTurn(async () => {
      const got = isMeant() && await call("template", { name }, [], "Opening …");
      if (isMeant()) show(got);
    });
  });
  at("open").addEventListener("change", () => inTurn(async () => {
    const files = [...at("open").files].map((file) => ["file", file, file.name]);
    const got = await call("open", {}, files, "Opening …");
    const told = got.text === undefined ? got.problems.map(({ said }) => said) : got.told || [];
    at("told").replaceChildren(...told.map((said) => make("li", {}, said)));
    if (got.text !== undefined) show(got);
  }));
  at("name").addEventListener("change", () => { state.name = at("name").value; check(); });
  at("as-form").addEventListener("click", () => { asText(false); check(); });
  at("as-text").addEventListener("click", () => inTurn(() => asText(true)));
  at("text").addEventListener("input", () => { state.text = at("text").value; later(check); });
  at("save").addEventListener("click", saved);
  at("take").addEventListener("click", async (event) => {
    const what = event.target.dataset.what;
    if (!what) return;
    result(at("take-result"), await unread() || await call("make", { ...current(), what, iteration: at("iteration").value }, [], "Making …"));
  });
  at("exercise-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    result(at("exercise-result"), await unread() || await call("exercise", { ...current(), ...given(form) }, filesOf(form), "Making …"));
  });
  const marks = at("marks-form");
  marks.addEventListener("submit", async (event) => {
    event.preventDefault();
    const files = [...filesOf(marks), ...state.dropped];
    const wrong = await unread();
    const isOfKey = files.some(([field]) => field === "key");
    marksOf(!isOfKey && wrong || await call("mark", { ...current(), ...given(marks) }, files, "Reading and marking …"));
  });
  at("again").addEventListener("click", async () => {
    marksOf(await call("mark", { ...current(), ...given(marks), again: state.again }, [], "Marking …"));
  });
  for (const name of ["dragover", "dragleave"]) document.addEventListener(name, drag);
  document.addEventListener("drop", drop);
}

async function begin() {
  listen();
  view();
  const got = await call("start", {}, [], "Starting …");
  if (got.problems) {
    at("problems-part").hidden = false;
    showProblems(got.problems);
    return;
  }
  state.sections = got.sections;
  state.most = got.most;
  at("version").textContent = got.version;
  at("template").replaceChildren(make("option", { value: "" }, "Choose …"), ...got.templates.map((one) => make("option", { value: one.name }, `${one.name}: ${one.title}`)));
  for (const part of document.querySelectorAll(".prints")) part.disabled = !got.prints;
  for (const part of document.querySelectorAll(".prints-sheets")) part.disabled = !got.printsSheets;
  for (const part of document.querySelectorAll(".draws")) part.disabled = !got.draws;
  for (const part of document.querySelectorAll(".without-printing")) part.hidden = got.prints;
  build();
  let before = null;
  try {
    before = JSON.parse(sessionStorage.getItem("bpsheet"));
  } catch { /* Nothing is kept. */ }
  if (before && before.text) {
    Object.assign(state, { text: before.text, name: before.name });
    at("text").value = before.text;
    at("name").value = before.name;
    await check();
  } else {
    at("template").value = "two-neuron";
    show(await call("template", { name: "two-neuron" }));
  }
  document.body.dataset.ready = "";
}

begin();

// Printing: everything that is folded is open, all columns have room, and no equation is cut.
// The widths of a printed portrait page in CSS pixels, without its margins, and of a landscape one.
const PORTRAIT = 620, LANDSCAPE = 1000;
// Two formulas stand beside each other where their equations are no wider.
const HALF = 325;
// Matrices of more numbers are not printed where the solution is an excerpt.
const MOST_NUMBERS = 300;
// The columns of a long table that are printed, besides the outputs and their error terms.
const TOLD = ["iteration", "epoch", "example", "target", "loss"];

class Paper {
  // `app` is drawn again, with what paper asks for, before the browser prints.
  constructor(app) {
    this.app = app;
    addEventListener("beforeprint", () => this.begin());
    addEventListener("afterprint", () => this.end());
  }

  begin() {
    if (this.folded) return;
    const { app } = this;
    document.documentElement.classList.add("paper");
    this.folded = [...document.querySelectorAll("details:not([open])")];
    this.folded.forEach((part) => { part.open = true; });
    app.onPaper = true;
    app.draw();
    const columns = app.isExcerpt ? this.outcome() : app.steps.shown;
    app.steps.print(byId("paper"), app.state.iteration, (index, column) => app.cell(index, column), columns);
    if (app.isExcerpt) this.tellRest(columns.length);
    app.chart?.draw();
    breakEquations(byId("solution"), () => PORTRAIT);
    // What still is too wide, such as a long fraction, becomes smaller.
    const fit = (parts, width) => document.querySelectorAll(parts).forEach((part) => {
      if (part.scrollWidth > width) part.style.zoom = width / part.scrollWidth;
    });
    fit("#solution .equation", PORTRAIT);
    fit("#matrices .frame", LANDSCAPE);
    document.querySelectorAll("#solution .step").forEach((step) => {
      step.classList.toggle("broad", step.querySelector(".equation").scrollWidth > HALF);
    });
  }

  // What came of each row: the outputs with their error terms, and the loss.
  outcome() {
    const { roles, roleNames, picture: { nodes, arrows } } = this.app.content;
    const starts = new Set(arrows.map(({ start }) => start));
    const told = new Set(roles.flatMap((role, column) => (TOLD.includes(roleNames[role]) ? [column] : [])));
    nodes.forEach((node, number) => {
      if (starts.has(number) || node.kind !== "neuron") return;
      [...node.cells, ...node.below].flat().forEach((column) => { if (column !== null) told.add(column); });
    });
    return [...told].sort((one, other) => one - other);
  }

  // Says how much is printed of each part, how much there is, and where it is.
  tellRest(columns) {
    const { app } = this, box = byId("paper");
    const parts = app.groups().filter(([name, all]) => all.length && !byId(`group-${name}`).hidden)
      .map(([name, all]) => [`Formulas: ${byId(`group-${name}`).querySelector("h3").textContent}`, document.querySelectorAll(`#group-${name} .step`).length, all.length, "Choose a neuron in the picture and print: its formulas alone."]);
    parts.push(["Columns of the steps", columns, app.content.phases.length, "The sheet Steps of the workbook has all of them."]);
    const numbers = app.matrices?.cells.length ?? 0, drawn = numbers > MOST_NUMBERS ? 0 : numbers;
    byId("matrices-section").classList.toggle("screen", numbers > MOST_NUMBERS);
    if (numbers) parts.push(["Numbers in matrices", drawn, numbers, "They are on the page, under In matrices."]);
    element("h2", { text: "What is printed, and what is left out" }, box);
    const body = element("tbody", {}, element("table", { class: "rest" }, box));
    [["part", "printed", "of", "all of it"], ...parts].forEach(([part, printed, all, where], row) => {
      const line = element("tr", {}, body);
      element("th", { text: part, scope: "row" }, line);
      [printed, all, where].forEach((text) => element(row ? "td" : "th", { text: typeof text === "number" ? counted(text) : text }, line));
    });
  }

  end() {
    if (!this.folded) return;
    const { app } = this;
    document.documentElement.classList.remove("paper");
    this.folded.forEach((part) => { part.open = false; });
    this.folded = null;
    app.onPaper = false;
    byId("paper").replaceChildren();
    byId("matrices-section").classList.remove("screen");
    document.querySelectorAll("#matrices .frame").forEach((frame) => { frame.style.zoom = ""; });
    document.querySelectorAll("#solution .steps-of").forEach((group) => { group.dataset.key = ""; });
    app.draw();
    app.chart?.draw();
  }
}

// Breaks the equations in a box that are wider than their room.
function breakEquations(box, room) {
  const equations = [...box.querySelectorAll(".equation")].map((equation) => [equation, room(equation)]);
  const wide = equations.filter(([equation, width]) => equation.scrollWidth > width);
  wide.forEach(([equation, width]) => breakLines(equation.querySelector("mtable.steps"), width));
}

// Breaks the lines of an equation that are wider than `width` before a plus or minus sign.
function breakLines(table, width) {
  [...table.children].forEach((row) => {
    let side = row.lastElementChild;
    while (side.getBoundingClientRect().width > width - 60) {
      const left = side.getBoundingClientRect().left, signs = [...side.children].filter((part, index) => index > 1
        && part.localName === "mo" && /^[+−]$/.test(part.textContent) && part.getAttribute("form") !== "prefix");
      const fitting = signs.filter((sign) => sign.getBoundingClientRect().right - left <= width - 90);
      const sign = fitting.at(-1) ?? signs[0];
      if (!sign) return;
      const line = document.createElementNS("http://www.w3.org/1998/Math/MathML", "mtr");
      const parts = [...side.childNodes];
      line.append(document.createElementNS(line.namespaceURI, "mtd"));
      side = line.appendChild(document.createElementNS(line.namespaceURI, "mtd"));
      // The first child of a line is its sign of equality, here an empty one.
      side.append(document.createElementNS(line.namespaceURI, "mspace"), ...parts.slice(parts.indexOf(sign)));
      side.firstChild.setAttribute("width", "1.2em");
      row.after(line);
      row = line;
    }
  });
}

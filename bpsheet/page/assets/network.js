// The picture of the network: neurons with outputs and error terms and an arrow for each weight, or
// boxes with the numbers of arrays. Where everything stands is computed with the page.
const TEXT = 10.5, LINE = 14, HEAD = 11;
// A letter's width for its height, at most.
const LETTER = 0.6;
const WIDEST = 5.5, THINNEST = 1;
// Of more than MANY arrows each is finer.
const MANY = 100, FINE = 0.45;
// The picture is drawn between these sizes; a wider one is moved in its frame. So much of the window's
// height is its own: a picture that fits is seen at once.
const LEAST_SCALE = 0.9, MOST_SCALE = 1.5, OF_WINDOW = 0.75;
// The part of an arrow's length at which a chosen neuron's weights stand, where they have no place.
const LABEL_AT = 0.25;
const LONGEST = 9;

function svg(tag, attributes = {}, parent = null) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  if (parent) parent.append(shape);
  return shape;
}

// Writes a text, smaller where it is wider than its room.
function write(shape, text, room, size = TEXT) {
  shape.textContent = text;
  shape.style.fontSize = `${min(size, room / (LETTER * max(1, text.length)))}px`;
}

class Network {
  // `choose` is called with a node's number, or null.
  constructor(box, content, choose) {
    this.content = content;
    this.choose = choose;
    const { nodes, arrows, size: [width, height] } = content.picture;
    this.picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "The network" }, box);
    const fits = OF_WINDOW * innerHeight / height || MOST_SCALE;
    const most = max(LEAST_SCALE, min(MOST_SCALE, fits));
    Object.assign(this.picture.style, { maxWidth: `${width * most}px`, minWidth: `${width * LEAST_SCALE}px` });
    this.thick = arrows.length > MANY ? FINE : 1;
    this.heads();
    this.arrows = arrows.map((arrow) => this.arrow(arrow));
    this.nodes = nodes.map((node, number) => this.node(node, number));
    this.labels = arrows.map((arrow) => this.label(arrow));
    // Where the picture is wider than its frame, the outputs are seen first.
    if (nodes.every((node) => node.look !== "array")) box.scrollLeft = box.scrollWidth;
  }

  heads() {
    const defs = svg("defs", {}, this.picture);
    for (const kind of ["grows", "shrinks", "still"]) {
      const marker = svg("marker", {
        id: `head-${kind}`, viewBox: "0 0 10 10", refX: 10, refY: 5, orient: "auto",
        markerWidth: this.thick * HEAD, markerHeight: this.thick * HEAD, markerUnits: "userSpaceOnUse", class: kind,
      }, defs);
      svg("path", { d: "M0,1 L10,5 L0,9 Z" }, marker);
    }
  }

  // The line ends a little before the arrow's tip, so that a wide one does not cover the tip.
  arrow({ points }) {
    return svg("polyline", { points: points.map((point) => point.join()).join(" "), class: "arrow still" }, this.picture);
  }

  // The label with a weight's value on its arrow.
  label({ weight, points, label }) {
    if (weight === null) return null;
    const [[x1, y1], [x2, y2]] = [points[0], points[points.length - 1]];
    const place = label ?? [x1 + LABEL_AT * (x2 - x1) - 42, y1 + LABEL_AT * (y2 - y1) - 8, 84, 16];
    const group = svg("g", { class: "weight", hidden: "" }, this.picture);
    return { group, place, back: svg("rect", { rx: 2 }, group), lines: [svg("text", {}, group), svg("text", {}, group)] };
  }

  node(node, number) {
    const [x, y, width, height] = node.box;
    const group = svg("g", {
      class: `node ${node.kind} ${node.look}`, tabindex: 0, role: "button", "aria-pressed": "false",
    }, this.picture);
    const chosen = () => this.choose(this.chosen === number ? null : number);
    group.addEventListener("click", chosen);
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      chosen();
    });
    const middle = x + width / 2;
    const text = (at, kind, across = middle) => svg("text", { x: across, y: at + 4, class: kind }, group);
    const drawn = { group, title: svg("title", {}, group), cells: [], below: [], terms: [] };
    if (node.look === "circle" || node.look === "dot") {
      drawn.outline = svg("circle", { cx: middle, cy: y + height / 2, r: width / 2, class: "outline" }, group);
    } else {
      drawn.outline = svg("rect", { x, y, width, height, class: "outline" }, group);
    }
    if (node.look === "circle") {
      write(text(y + height / 2 - LINE / 2, "name"), node.title, width - 8, node.size);
      drawn.value = text(y + height / 2 + LINE / 2, "value");
      if (node.terms) {
        const [left, top, wide, high] = node.terms, count = Math.round(high / LINE);
        drawn.terms = Array.from({ length: count }, (_, line) => text(top + 1 + LINE * (line + 0.5), "term", left + wide / 2));
      }
    } else if (node.look === "image") {
      write(text(y - LINE / 2 - 2, "name"), node.title, max(width, 60), node.size);
      this.pixels(node, drawn, x, y);
    } else if (node.look === "array") {
      const again = node.kind === "again";
      write(text(again ? y + height / 2 : y + LINE / 2 + 3, again ? "term" : "name"), node.title, width - 10, node.size);
      if (node.says && !again) write(text(y + 1.5 * LINE + 3, "term"), node.says, width - 8);
      if (!again) this.numbers(node, drawn, text);
    }
    return drawn;
  }

  pixels(node, drawn, left, top) {
    const [wide, high] = node.cell;
    node.cells.forEach((row, down) => row.forEach((column, across) => {
      const shape = svg("rect", { x: left + across * wide, y: top + down * high, width: wide, height: high, class: "shade" }, drawn.group);
      drawn.cells.push({ shape, column });
    }));
  }

  numbers(node, drawn, text) {
    const [x, y, width] = node.box, [wide, high] = node.cell;
    const left = x + (width - wide * node.cells[0].length) / 2, top = y + LINE + 6 + (node.says ? LINE : 0);
    if (!wide) return;
    if (wide < 2 * LINE) return this.pixels(node, drawn, left, top);
    node.cells.forEach((row, down) => row.forEach((column, across) => {
      const at = [top + down * high + LINE / 2, left + (across + 0.5) * wide];
      drawn.cells.push({ shape: text(at[0], "value", at[1]), column });
      if (high > 1.5 * LINE) drawn.below.push({ shape: text(at[0] + LINE, "slope", at[1]), column, second: node.below[down][across] });
    }));
  }

  // `see` says whether a column's value may be seen, `say` gives its text, `value` its number, `words`
  // the text of a number.
  update({ see, say, value, words, chosen, lit, colours }) {
    this.chosen = chosen;
    const { nodes, arrows } = this.content.picture;
    const moved = (move) => (move !== null && colours && see(move) ? value(move) : 0);
    const moves = arrows.map(({ move }) => moved(move));
    const largest = max(0, ...moves.map(abs).filter(Number.isFinite));
    // What a weight becomes: 0.1 → 0.053.
    const after = (weight, move) => {
      const change = moved(move);
      if (!change || !Number.isFinite(change)) return "";
      const before = say(weight);
      for (let digits = 3; ; digits += 1) {
        const text = words(value(weight) + change, digits);
        if (text !== before || digits === 6) return `→ ${text}`;
      }
    };
    const kind = (move) => (moved(move) > 0 ? "grows" : moved(move) < 0 ? "shrinks" : "still");
    const tools = { see, say, value, after, kind };
    arrows.forEach((arrow, number) => this.updateArrow(arrow, number, moves[number], largest, tools));
    nodes.forEach((node, number) => this.updateNode(node, number, lit(node), tools));
    this.picture.classList.toggle("some", chosen !== null);
    return largest;
  }

  updateArrow({ start, end, weight, move, label: place }, number, moved, largest, { say, after, kind }) {
    const near = this.chosen === start || this.chosen === end;
    const share = largest && Number.isFinite(moved) ? abs(moved) / largest : 0;
    const line = this.arrows[number];
    line.setAttribute("class", `arrow ${kind(move)}${near ? " near" : ""}`);
    line.setAttribute("marker-end", `url(#head-${kind(move)})`);
    line.style.strokeWidth = this.thick * (THINNEST + (WIDEST - THINNEST) * share);
    const label = this.labels[number];
    if (!label) return;
    const shows = place ? this.chosen === null || near : this.chosen === end;
    label.group.toggleAttribute("hidden", !shows);
    if (shows) this.writeLabel(label, say(weight), after(weight, move), kind(move));
  }

  // Writes a weight and what it becomes on a background of their size.
  writeLabel({ back, lines, place: [x, y, width, height] }, weight, after, kind) {
    const inTwo = after && height > 1.5 * LINE;
    const texts = inTwo ? [weight, after] : [`${weight} ${after}`.trim(), ""];
    const high = (inTwo ? 2 : 1) * LINE + 2;
    const wide = min(width, max(...texts.map((text) => text.length)) * LETTER * TEXT + 6);
    const background = { x: x + (width - wide) / 2, y: y + (height - high) / 2, width: wide, height: high };
    Object.entries(background).forEach(([name, value]) => back.setAttribute(name, value));
    lines.forEach((line, number) => {
      line.setAttribute("x", x + width / 2);
      line.setAttribute("y", background.y + 1 + LINE * (number + 0.5) + 4);
      line.setAttribute("class", `move ${kind}`);
      write(line, texts[number], width - 2);
    });
  }

  updateNode(node, number, lit, tools) {
    const { see, say, value } = tools, drawn = this.nodes[number];
    const terms = this.terms(node, drawn.terms.length, tools);
    const values = drawn.cells.length > 9 ? [] : node.cells.flat().map((column) => (column === null ? "" : say(column)));
    const label = [`${node.name}${node.shape ? `, ${node.shape},` : ""}${values.length ? ` = ${values.join(" ")}` : ""}`, ...terms.filter(Boolean)].join(", ");
    drawn.group.setAttribute("aria-label", label);
    drawn.group.setAttribute("aria-pressed", String(this.chosen === number));
    drawn.group.classList.toggle("lit", lit);
    drawn.title.textContent = label;
    if (drawn.value) write(drawn.value, values[0], node.box[2] - 12, 12);
    drawn.terms.forEach((line, index) => write(line, terms[index] ?? "", node.terms[2] - 4));
    if (node.look === "dot") shade(drawn.outline, see(node.cells[0][0]) ? value(node.cells[0][0]) : 0);
    const shades = node.look !== "circle" && drawn.cells.length && node.cell[0] < 2 * LINE;
    if (shades) {
      const numbers = drawn.cells.map(({ column }) => (column !== null && see(column) ? value(column) : 0));
      const greatest = max(1e-300, ...numbers.map(abs).filter(Number.isFinite));
      drawn.cells.forEach(({ shape }, index) => shade(shape, numbers[index] / greatest, node.look === "image"));
      return;
    }
    drawn.cells.forEach(({ shape, column }) => write(shape, say(column), node.cell[0] - 4));
    drawn.below.forEach(({ shape, column, second }) => {
      const isWeight = node.kind === "weight";
      const text = second === null || !see(second) ? "" : isWeight ? tools.after(column, second) : say(second);
      write(shape, text, node.cell[0] - 4);
      shape.setAttribute("class", isWeight ? `move ${tools.kind(second)}` : "slope");
    });
  }

  // A neuron's error term, its bias, and what the bias becomes, in so many lines.
  terms(node, lines, { see, say, after }) {
    const { names } = this.content, error = node.below[0][0];
    if (node.look !== "circle" && node.look !== "dot") return [];
    const texts = error !== null ? [see(error) ? `${short(names[error], "δ")} = ${say(error)}` : ""] : [];
    if (node.bias === null) return texts;
    const bias = `${short(names[node.bias], "b")} = ${say(node.bias)}`, changed = after(node.bias, node.move);
    return texts.length + 1 < lines ? [...texts, bias, changed] : [...texts, `${bias} ${changed}`.trim()];
  }
}

// A shade between white and ink; of a number below 0 in another colour.
function shade(shape, share, isImage = false) {
  shape.style.fill = isImage ? "#111827" : share < 0 ? "var(--p1)" : "var(--forward)";
  shape.style.fillOpacity = Number.isFinite(share) ? min(1, abs(share)) : 0;
}

// A name, or a letter for a name that is too long to stand below a neuron.
const short = (name, letter) => (name.length <= LONGEST ? name : letter);

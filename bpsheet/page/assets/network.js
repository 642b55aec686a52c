// The picture of the network: neurons with outputs and error terms, and an arrow for each weight.
const ACROSS = [165, 220], DOWN = 140, RADIUS = 30, SMALL_DOWN = 30, SMALL_RADIUS = 10;
// With more arrows than MOST_LABELS the weights would cover each other. With more nodes in a column
// than MOST_NAMED all texts would.
const MOST_LABELS = 24, MOST_NAMED = 8;
// The part of an arrow's length at which its weight stands: before arrows cross.
const LABEL_AT = 0.37;
const LONGEST = 9;
const WIDEST = 6, THINNEST = 1.2, HEAD = 13;

function svg(tag, attributes = {}, parent = null) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  if (parent) parent.append(shape);
  return shape;
}

class Network {
  // `choose` is called with a node's number, or null.
  constructor(box, content, choose) {
    this.content = content;
    this.choose = choose;
    const { nodes, arrows } = content.picture;
    const tallest = max(...nodes.map((node) => nodes.filter((other) => other.x === node.x).length));
    this.small = tallest > MOST_NAMED;
    this.radius = this.small ? SMALL_RADIUS : RADIUS;
    this.labelled = arrows.length <= MOST_LABELS && !this.small;
    const down = this.small ? SMALL_DOWN : DOWN;
    const margin = this.small ? 30 : 72, below = this.small ? 30 : 92;
    const across = (box.clientWidth - 2 * margin) / max(1, ...nodes.map((node) => node.x));
    const step = min(max(across, ACROSS[0]), ACROSS[1]);
    this.at = nodes.map((node) => [node.x * step, node.y * down]);
    const [xs, ys] = [0, 1].map((axis) => this.at.map((point) => point[axis]));
    const view = [min(...xs) - margin, min(...ys) - margin, 0, 0];
    view[2] = max(...xs) + margin - view[0];
    view[3] = max(...ys) + below - view[1];
    this.picture = svg("svg", { viewBox: view.join(" "), role: "group", "aria-label": "The network" }, box);
    Object.assign(this.picture.style, { maxWidth: `${view[2] * 1.35}px`, minWidth: `${view[2] * 0.7}px` });
    this.heads();
    this.arrows = arrows.map((arrow) => this.arrow(arrow));
    this.labels = arrows.map((arrow, number) => this.label(arrow, number));
    this.nodes = nodes.map((node, number) => this.node(node, number));
  }

  heads() {
    const defs = svg("defs", {}, this.picture);
    for (const kind of ["grows", "shrinks", "still"]) {
      const marker = svg("marker", {
        id: `head-${kind}`, viewBox: "0 0 10 10", refX: 2, refY: 5, orient: "auto",
        markerWidth: HEAD, markerHeight: HEAD, markerUnits: "userSpaceOnUse", class: kind,
      }, defs);
      svg("path", { d: "M0,1 L10,5 L0,9 Z" }, marker);
    }
  }

  arrow({ start, end }) {
    const [[x1, y1], [x2, y2]] = [this.at[start], this.at[end]];
    const length = Math.hypot(x2 - x1, y2 - y1) || 1;
    const [across, down] = [(x2 - x1) / length, (y2 - y1) / length];
    // The arrow's head reaches from the line's end to the neuron's edge.
    const until = this.radius + (this.small ? 0 : 0.8 * HEAD);
    return svg("line", {
      x1: x1 + across * this.radius, y1: y1 + down * this.radius,
      x2: x2 - across * until, y2: y2 - down * until, class: "arrow still",
    }, this.picture);
  }

  // The label with a weight's value on its arrow.
  label({ start, end, weight }) {
    if (weight === null) return null;
    const [[x1, y1], [x2, y2]] = [this.at[start], this.at[end]];
    const [x, y] = [x1 + LABEL_AT * (x2 - x1), y1 + LABEL_AT * (y2 - y1)];
    const group = svg("g", { class: "weight", hidden: "" }, this.picture);
    const [back, weighs, moves] = [svg("rect", { rx: 3 }, group), svg("text", {}, group), svg("text", {}, group)];
    return { group, back, weighs, moves, x, y };
  }

  node(node, number) {
    const [x, y] = this.at[number];
    const group = svg("g", {
      class: `node ${node.kind}`, tabindex: 0, role: "button", "aria-pressed": "false",
      transform: `translate(${x},${y})`,
    }, this.picture);
    svg("circle", { r: this.radius }, group);
    const chosen = () => this.choose(this.chosen === number ? null : number);
    group.addEventListener("click", chosen);
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      event.stopPropagation();
      chosen();
    });
    const line = (y, name) => svg("text", { y, class: name }, group);
    if (this.small) return { group, title: svg("title", {}, group) };
    const name = line(-this.radius - 9, "name");
    name.textContent = node.name;
    return { group, value: line(5, "value"), below: [17, 34, 51].map((down) => line(this.radius + down, "term")) };
  }

  // `see` says whether a column's value may be seen, `say` gives its text, `value` its number.
  update({ see, say, value, chosen, lit, colours }) {
    this.chosen = chosen;
    const { nodes, arrows } = this.content.picture;
    const moves = arrows.map(({ move }) => (move !== null && colours && see(move) ? value(move) : 0));
    const largest = max(0, ...moves.map(abs).filter(Number.isFinite));
    arrows.forEach((arrow, number) => this.updateArrow(arrow, number, moves[number], largest, { see, say }));
    nodes.forEach((node, number) => this.updateNode(node, number, { see, say, lit }));
    this.picture.classList.toggle("some", chosen !== null);
    return largest;
  }

  updateArrow({ start, end, weight, move }, number, moved, largest, { see, say }) {
    const kind = moved > 0 ? "grows" : moved < 0 ? "shrinks" : "still";
    const near = this.chosen === start || this.chosen === end;
    const share = largest && Number.isFinite(moved) ? abs(moved) / largest : 0;
    const line = this.arrows[number];
    line.setAttribute("class", `arrow ${kind}${near ? " near" : ""}`);
    line.setAttribute("marker-end", this.small && !near ? "" : `url(#head-${kind})`);
    line.style.strokeWidth = (this.small ? 0.5 : 1) * (THINNEST + (WIDEST - THINNEST) * share);
    const label = this.labels[number];
    if (!label) return;
    const shows = this.labelled ? this.chosen === null || near : this.chosen === end && !this.small;
    label.group.toggleAttribute("hidden", !shows);
    if (shows) this.write(label, [say(weight), moved && see(move) ? signed(moved) : ""], kind);
  }

  // Writes a weight and its adjustment on a background of their size.
  write({ back, weighs, moves, x, y }, [weight, move], kind) {
    weighs.textContent = weight;
    moves.textContent = move;
    moves.setAttribute("class", `move ${kind}`);
    const lines = move ? 2 : 1, width = 7.1 * max(weight.length, move.length) + 4;
    const background = { x: x - width / 2, y: y - 8 * lines, width, height: 16 * lines };
    Object.entries(background).forEach(([name, value]) => back.setAttribute(name, value));
    [weighs, moves].forEach((text, line) => {
      text.setAttribute("x", x);
      text.setAttribute("y", y - 8 * lines + 12.5 + 15 * line);
    });
  }

  updateNode(node, number, { see, say, lit }) {
    const drawn = this.nodes[number], { names } = this.content;
    const value = say(node.value);
    const moved = node.move !== null && see(node.move) ? say(node.move) : "0";
    const terms = [
      node.error !== null && see(node.error) ? `${short(names[node.error], "δ")} = ${say(node.error)}` : "",
      node.bias !== null ? `${short(names[node.bias], "b")} = ${say(node.bias)}` : "",
      ["0", "?"].includes(moved) ? "" : moved.startsWith("−") ? moved : `+${moved}`,
    ].filter(Boolean);
    const label = [`${node.name} = ${value}`, ...terms].join(", ");
    drawn.group.setAttribute("aria-label", label);
    drawn.group.setAttribute("aria-pressed", String(this.chosen === number));
    drawn.group.classList.toggle("lit", lit(node));
    if (drawn.title) {
      drawn.title.textContent = label;
      return;
    }
    drawn.value.textContent = value;
    drawn.below.forEach((line, index) => {
      const text = terms[index] ?? "";
      line.textContent = text;
      line.setAttribute("class", `term${text.startsWith("+") ? " grows" : text.startsWith("−") ? " shrinks" : ""}`);
    });
  }
}

// A name, or a letter for a name that is too long to stand below a neuron.
const short = (name, letter) => (name.length <= LONGEST ? name : letter);

const signed = (value) => `${value > 0 ? "+" : "−"}${rounded(abs(value), 2)}`;

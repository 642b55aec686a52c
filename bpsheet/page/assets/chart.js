// The chart of the loss over the run, with a mark at the shown iteration. uPlot draws it.
class Chart {
  constructor(box, content, go) {
    Object.assign(this, { box, content, go });
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.resize()).observe(box);
  }

  colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  size() {
    return { width: max(200, this.box.clientWidth), height: 220 };
  }

  // Shows the losses of a run and, with several examples, their mean over each epoch.
  show(run) {
    const { loss } = this.content, examples = run.tables[0]?.length ?? 1;
    const numbers = [], losses = [], means = [];
    let sum = 0;
    for (let index = 0; index < run.done; index += 1) {
      const value = run.value(index, loss);
      numbers.push(index + 1);
      losses.push(Number.isFinite(value) ? value : null);
      sum += value;
      const ends = (index + 1) % examples === 0;
      means.push(ends && Number.isFinite(sum) ? sum / examples : null);
      if (ends) sum = 0;
    }
    this.data = examples > 1 ? [numbers, losses, means] : [numbers, losses];
    if (this.plot && this.plot.series.length === this.data.length) this.plot.setData(this.data);
    else this.draw();
  }

  draw() {
    this.plot?.destroy();
    if (!this.data) return;
    const ink = this.colour("--ink"), rule = this.colour("--rule");
    const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 }, font: "12px system-ui" };
    const several = this.data.length > 2;
    const series = [
      { label: "iteration" },
      { label: "loss", stroke: this.colour(several ? "--faint" : "--forward"), width: several ? 1 : 2, points: { show: this.data[0].length < 3 } },
    ];
    if (several) series.push({ label: "mean of each epoch", stroke: this.colour("--forward"), width: 2, spanGaps: true, points: { show: false } });
    this.plot = new uPlot({
      ...this.size(),
      scales: { x: { time: false } },
      axes: [{ ...axis, size: 34 }, { ...axis, size: 62, values: (_, marks) => marks.map((mark) => rounded(mark, 3, true)) }],
      series,
      legend: { show: several, live: false },
      cursor: { y: false, drag: { x: false, y: false } },
      hooks: { draw: [(plot) => this.mark(plot)], ready: [(plot) => this.clicks(plot)] },
    }, this.data, this.box);
  }

  clicks(plot) {
    plot.over.addEventListener("click", () => {
      if (plot.cursor.idx !== null && plot.cursor.idx !== undefined) this.go(plot.cursor.idx + 1);
    });
  }

  mark(plot) {
    if (!this.iteration) return;
    const { ctx, bbox } = plot, x = Math.round(plot.valToPos(this.iteration, "x", true));
    ctx.save();
    ctx.strokeStyle = this.colour("--accent");
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  at(iteration) {
    this.iteration = iteration;
    this.plot?.redraw(false);
  }

  resize() {
    if (this.plot && this.plot.width !== this.size().width) this.plot.setSize(this.size());
  }
}

// Series as charts, drawn by D3: scales, axes, lines with bands and the brush. Points are buttons.
import "/static/d3.min.js";
import { h } from "/static/base.js";

const { d3 } = globalThis;
const W = 760, LEFT = 52, RIGHT = 12, TOP = 22, PANEL = 58, SPACE = 27;

const order = (period) => {
  const year = Number(period.slice(0, 4));
  if (period.includes("Q")) return year + (Number(period.slice(-1)) - 1) / 4;
  return period.length >= 7 ? year + (Number(period.slice(5, 7)) - 1) / 12 : year;
};
const minus = (v, digits) => (digits === undefined ? String(v) : v.toFixed(digits)).replace("-", "−");

export function frame(width, height, role, label) {
  return d3.create("svg").attr("class", "chart").attr("viewBox", `0 0 ${width} ${height}`).attr("role", role).attr("aria-label", label);
}

export function axisLeft(g, y, { left, right, values, digits }) {
  const axis = d3.axisLeft(y).tickValues(values).tickSize(-(right - left)).tickPadding(7).tickFormat((v) => minus(v, digits));
  g.append("g").attr("class", "axis").attr("transform", `translate(${left},0)`).call(axis)
    .selectAll(".tick").classed("at-zero", (v) => v === 0);
}

export function axisBottom(svg, x, height, periods, most, at) {
  const step = Math.max(1, Math.ceil(periods.length / most));
  const shown = periods.filter((_, k) => k % step === 0);
  const names = new Map(shown.map((p) => [at(p), p]));
  svg.append("g").attr("class", "axis below").attr("transform", `translate(0,${height})`)
    .call(d3.axisBottom(x).tickValues([...names.keys()]).tickSize(0).tickFormat((v) => names.get(v)));
}

// `points` are in order of time; one without an estimate breaks the line: a hole is never bridged.
export function draw(g, points, x, y, { band = true } = {}) {
  const there = (p) => p.estimate !== null && p.estimate !== undefined;
  if (band) g.append("path").attr("class", "band").attr("d", d3.area().defined((p) => there(p) && p.low !== null && p.low !== undefined).x(x).y0((p) => y(p.low)).y1((p) => y(p.high))(points));
  g.append("path").attr("class", "line").attr("d", d3.line().defined(there).x(x).y((p) => y(p.estimate))(points));
  return g.selectAll("circle").data(points.filter(there)).join("circle").attr("class", "mark").attr("cx", x).attr("cy", (p) => y(p.estimate));
}

export function chart(data, { onpick, onbrush, first = "", last = "" }) {
  const panels = [
    { name: "Words", note: `trust balance, ${data.method.replace("_", " ") || "none"}`, points: data.words, cls: "s-words" },
    { name: "Deeds", note: "z units", points: data.deeds, cls: "s-deeds" },
    { name: "Gap", note: data.window ? `words − deeds, reference: ${data.window}` : "words − deeds", points: data.gap, cls: "s-gap" },
  ].filter((p) => p.points.some((q) => q.estimate !== null));
  if (!panels.length) return h("p", { class: "empty" }, "No series for this pair. `sca aggregate`, `sca deeds` and `sca compare` make them.");
  const all = [...new Set(panels.flatMap((p) => p.points.map((q) => q.period)))].sort((a, b) => order(a) - order(b));
  const [x0, x1] = d3.extent(all, order);
  const scale = d3.scaleLinear(x0 === x1 ? [x0 - 1, x1 + 1] : [x0, x1], [LEFT, W - RIGHT]);
  const x = (period) => scale(order(period));
  const nearest = (px) => all[d3.leastIndex(all, (p) => Math.abs(x(p) - px))];
  const height = TOP + panels.length * (PANEL + SPACE);
  const svg = frame(W, height, "group", `Series of ${data.source} about ${data.target}`);
  if (first || last) {
    const [a, b] = d3.extent([first ? x(first) : LEFT, last ? x(last) : W - RIGHT]);
    svg.append("rect").attr("class", "brushed").attr("x", a - 4).attr("y", 4).attr("width", b - a + 8).attr("height", height - 8);
  }
  const brush = d3.brushX().extent([[LEFT - 6, 4], [W - RIGHT + 6, height - 4]]).on("end", ({ selection, sourceEvent }) => {
    if (!selection || !sourceEvent) return;
    const [a, b] = selection.map(nearest);
    layer.call(brush.clear);
    if (a !== b) onbrush(a, b);
  });
  // The brush lies below the points, so that a point can still be clicked.
  const layer = svg.append("g").attr("class", "brush").call(brush);
  panels.forEach((panel, k) => {
    const top = TOP + k * (PANEL + SPACE);
    const values = panel.points.flatMap((p) => [p.estimate, p.low, p.high]).filter((v) => v !== null && v !== undefined);
    const [low, high] = d3.extent([0, ...values]);
    const room = 0.06 * (high - low || 1);
    const y = d3.scaleLinear([low - room, high + room], [top + PANEL, top]);
    const g = svg.append("g").attr("class", panel.cls);
    g.append("text").attr("class", "heading").attr("x", LEFT).attr("y", top - 8).text(panel.name);
    g.append("text").attr("class", "unit").attr("x", LEFT + 46).attr("y", top - 8).text(panel.note);
    axisLeft(g, y, { left: LEFT, right: W - RIGHT, values: y.ticks(3) });
    const known = new Map(panel.points.map((p) => [p.period, p]));
    const points = all.map((period) => known.get(period) || { period, estimate: null });
    const says = (p) => `${panel.name} ${p.period}: ${p.estimate.toFixed(2)}${p.low !== null && p.low !== undefined ? `, ${p.low.toFixed(2)} to ${p.high.toFixed(2)}` : ""}${p.n !== undefined ? `, ${p.n} ${panel.name === "Deeds" ? "deeds" : "passages"}` : ""}${p.hidden ? " (small cell)" : ""}`;
    draw(g, points, (p) => x(p.period), y)
      .classed("hidden-cell", (p) => p.hidden).attr("r", 4).attr("tabindex", k === 0 ? 0 : -1).attr("role", "button").attr("aria-label", says)
      .on("click", (event, p) => onpick(p.period))
      .on("keydown", (event, p) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        onpick(p.period);
      })
      .append("title").text(says);
  });
  axisBottom(svg, scale, height - 20, all, 12, order);
  return svg.node();
}

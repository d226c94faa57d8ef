// Three panels over one time axis: words, deeds, gap. Points are buttons; dragging over the chart marks periods.
import { h } from "/static/base.js";

const W = 760, LEFT = 52, RIGHT = 12, TOP = 22, PANEL = 58, SPACE = 27;

const order = (period) => {
  const year = Number(period.slice(0, 4));
  if (period.includes("Q")) return year + (Number(period.slice(-1)) - 1) / 4;
  return period.length >= 7 ? year + (Number(period.slice(5, 7)) - 1) / 12 : year;
};

function ticks(low, high, n = 4) {
  const raw = (high - low) / n || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const out = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9; v += step) out.push(Math.abs(v) < 1e-9 ? 0 : Number(v.toPrecision(6)));
  return out;
}

export function chart(data, { onpick, onbrush, first = "", last = "" }) {
  const panels = [
    { name: "Words", note: `trust balance, ${data.method.replace("_", " ") || "none"}`, points: data.words, cls: "s-words" },
    { name: "Deeds", note: "z units", points: data.deeds, cls: "s-deeds" },
    { name: "Gap", note: data.window ? `words − deeds, reference: ${data.window}` : "words − deeds", points: data.gap, cls: "s-gap" },
  ].filter((p) => p.points.some((q) => q.estimate !== null));
  if (!panels.length) return h("p", { class: "empty" }, "No series for this pair. `sca aggregate`, `sca deeds` and `sca compare` make them.");
  const all = [...new Set(panels.flatMap((p) => p.points.map((q) => q.period)))].sort((a, b) => order(a) - order(b));
  const [x0, x1] = [order(all[0]), order(all.at(-1))];
  const x = (period) => LEFT + ((W - LEFT - RIGHT) * (order(period) - x0 + 0.5 * (x1 === x0))) / (x1 - x0 || 1);
  const height = TOP + panels.length * (PANEL + SPACE);
  const svg = h("svg", { class: "chart", viewBox: `0 0 ${W} ${height}`, role: "group", "aria-label": `Series of ${data.source} about ${data.target}` });
  if (first || last) {
    const a = first ? x(first) : LEFT, b = last ? x(last) : W - RIGHT;
    svg.append(h("rect", { class: "brushed", x: Math.min(a, b) - 4, y: 4, width: Math.abs(b - a) + 8, height: height - 8 }));
  }
  panels.forEach((panel, k) => {
    const top = TOP + k * (PANEL + SPACE);
    const values = panel.points.flatMap((p) => [p.estimate, p.low, p.high]).filter((v) => v !== null);
    let low = Math.min(0, ...values), high = Math.max(0, ...values);
    const room = 0.06 * (high - low || 1);
    low -= room;
    high += room;
    const y = (v) => top + PANEL - (PANEL * (v - low)) / (high - low);
    const g = h("g", { class: panel.cls });
    g.append(h("text", { class: "heading", x: LEFT, y: top - 8 }, panel.name), h("text", { class: "unit", x: LEFT + 46, y: top - 8 }, panel.note));
    for (const t of ticks(low, high, 3)) g.append(h("line", { class: t === 0 ? "zero" : "grid", x1: LEFT, x2: W - RIGHT, y1: y(t), y2: y(t) }), h("text", { class: "tick end", x: LEFT - 7, y: y(t) + 4 }, String(t).replace("-", "−")));
    let run = [];
    const runs = [];
    for (const p of panel.points) {
      if (p.estimate === null) {
        if (run.length) runs.push(run);
        run = [];
      } else {
        // A period that other series have and this one lacks is a hole in the line, never a bridge.
        if (run.length && all.indexOf(p.period) - all.indexOf(run.at(-1).period) > 1) {
          runs.push(run);
          run = [];
        }
        run.push(p);
      }
    }
    if (run.length) runs.push(run);
    for (const r of runs) {
      const band = r.filter((p) => p.low !== null && p.high !== null);
      if (band.length > 1) g.append(h("path", { class: "band", d: "M" + band.map((p) => `${x(p.period)},${y(p.high)}`).join("L") + "L" + band.toReversed().map((p) => `${x(p.period)},${y(p.low)}`).join("L") + "Z" }));
      g.append(h("polyline", { class: "line", points: r.map((p) => `${x(p.period)},${y(p.estimate)}`).join(" ") }));
    }
    for (const p of panel.points) {
      if (p.estimate === null) continue;
      const span = p.low !== null ? `, ${p.low.toFixed(2)} to ${p.high.toFixed(2)}` : "";
      const says = `${panel.name} ${p.period}: ${p.estimate.toFixed(2)}${span}${p.n !== undefined ? `, ${p.n} ${panel.name === "Deeds" ? "deeds" : "passages"}` : ""}${p.hidden ? " (small cell)" : ""}`;
      const pick = () => onpick(p.period);
      g.append(h("circle", { class: `mark${p.hidden ? " hidden-cell" : ""}`, cx: x(p.period), cy: y(p.estimate), r: 4, tabindex: k === 0 ? 0 : -1, role: "button", "aria-label": says, onclick: pick, onkeydown: (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); e.stopPropagation(); pick(); } } }, h("title", {}, says)));
    }
    svg.append(g);
  });
  const step = Math.max(1, Math.ceil(all.length / 12));
  all.forEach((p, k) => {
    if (k % step === 0) svg.append(h("text", { class: "tick middle", x: x(p), y: height - 10 }, p));
  });
  let from = null;
  const at = (event) => {
    const box = svg.getBoundingClientRect();
    const px = ((event.clientX - box.left) * W) / box.width;
    return all.reduce((best, p) => (Math.abs(x(p) - px) < Math.abs(x(best) - px) ? p : best), all[0]);
  };
  const marked = h("rect", { class: "brushing", y: 4, height: height - 8, width: 0, x: -9 });
  svg.append(marked);
  svg.addEventListener("pointerdown", (e) => {
    if (e.target.matches("circle")) return;
    from = at(e);
    svg.setPointerCapture(e.pointerId);
  });
  svg.addEventListener("pointermove", (e) => {
    if (from === null) return;
    const [a, b] = [x(from), x(at(e))].sort((m, n) => m - n);
    marked.setAttribute("x", a);
    marked.setAttribute("width", b - a);
  });
  svg.addEventListener("pointerup", (e) => {
    if (from === null) return;
    const [a, b] = [from, at(e)].sort((m, n) => order(m) - order(n));
    from = null;
    marked.setAttribute("width", 0);
    if (a !== b) onbrush(a, b);
  });
  return svg;
}

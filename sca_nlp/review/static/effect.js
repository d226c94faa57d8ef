// Effect: what the corrections change in the series, and retraining with the new model beside the old.
import { api, askCoder, bind, button, codeChip, coder, failed, h, newKey, number, show, start, toast, $ } from "/static/base.js";
import { axisBottom, axisLeft, draw, frame } from "/static/chart.js";
import { flush, tell } from "/static/outbox.js";

start();
tell();
await flush();
const { d3 } = globalThis;
const W = 560, H = 150, L = 46, R = 10;
const say = (p) => (p ? `${p.estimate === null ? "–" : p.estimate.toFixed(3)}${p.low !== null && p.low !== undefined ? ` (${p.low.toFixed(2)} to ${p.high.toFixed(2)})` : ""}` : "–");
const table = (head, rows) => h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, head.map((t) => h("th", { scope: "col" }, t)))), h("tbody", {}, rows)));

function small(d) {
  const rows = d.periods;
  // The audit's intervals may be many times wider than the series; they are cut at the edge, the figures below say all.
  const values = rows.flatMap((r) => [r.before, r.after].flatMap((p) => (p ? [p.estimate, p.low, p.high] : []))).filter((v) => v !== null && v !== undefined);
  if (!values.length) return null;
  const wide = 0.4 * (Math.max(0, ...values) - Math.min(0, ...values) || 1);
  const low = Math.max(-1, Math.min(0, ...values) - wide), high = Math.min(1, Math.max(0, ...values) + wide);
  const x = d3.scaleLinear([-0.5, rows.length - 0.5], [L, W - R]);
  const y = d3.scaleLinear([low, high], [H - 26, 8]).clamp(true);
  const svg = frame(W, H, "img", `Trust balance of ${d.source_name} about ${d.target_name}, before and after`);
  axisLeft(svg, y, { left: L, right: W - R, values: [low, 0, high], digits: 2 });
  for (const [name, cls] of [["audited", "s-gap"], ["before", "s-words"], ["after", "s-after"]]) {
    const points = rows.map((r, k) => ({ k, period: r.period, estimate: null, ...r[name] }));
    draw(svg.append("g").attr("class", cls), points, (p) => x(p.k), y, { band: name !== "after" }).attr("r", 3).append("title").text((p) => `${name} ${p.period}: ${say(p)}`);
  }
  const at = new Map(rows.map((r, k) => [r.period, k]));
  axisBottom(svg, x, H - 20, rows.map((r) => r.period), 9, (p) => at.get(p));
  return svg.node();
}

function effectPart(e) {
  if (e.state === "none" || e.state === "working") return h("p", { class: "loading", role: "status" }, "Working out the series before and after …");
  if (e.state === "failed") return h("p", { class: "empty error", role: "alert" }, e.error);
  const touched = e.by_class.filter((r) => r.added || r.removed);
  return [
    h("div", { class: "cards" }, h("div", { class: "card" }, h("b", {}, number(e.n_decided)), h("span", {}, "passages decided")), h("div", { class: "card" }, h("b", {}, number(e.n_changed)), h("span", {}, "of them differ from the model")), h("div", { class: "card" }, h("b", {}, number(e.dyads.filter((d) => d.n_moved).length)), h("span", {}, "series moved"))),
    touched.length ? h("p", {}, touched.map((r) => [codeChip(r.name), ` +${r.added} −${r.removed} `])) : null,
    h("p", { class: "soft" }, "“After” puts the corrections in place of the model's codes. Where they came from the informative queue they were not drawn at random: that line shows what they did, it is no unbiased estimate. ", e.audit.reason ? `No corrected line yet: ${e.audit.reason}.` : "The line “audited” corrects for the model's errors as the random audit measures them."),
    e.dyads.length ? e.dyads.map((d) => h("section", {}, h("h3", {}, `${d.source_name} → ${d.target_name}: ${d.n_moved} of ${d.periods.length} periods moved`), h("p", { class: "soft key" }, h("span", { class: "swatch s-words" }), " before ", h("span", { class: "swatch s-after" }), " after ", d.periods.some((r) => r.audited) ? [h("span", { class: "swatch s-gap" }), " audited, cut at the edge"] : ""), small(d),
      h("details", {}, h("summary", {}, "Figures"), table(["Period", "Before", "After", "Audited", "Sentences"], d.periods.map((r) => h("tr", {}, h("th", { scope: "row" }, r.period), h("td", {}, say(r.before)), h("td", {}, r.after && r.before && r.after.estimate !== r.before.estimate ? h("b", {}, say(r.after)) : say(r.after)), h("td", {}, say(r.audited)), h("td", { class: "right" }, number(r.after?.n ?? r.before?.n ?? 0)))))))) : h("p", { class: "empty" }, e.n_changed ? "The corrections touch no dyad of this run." : "No correction differs from the model yet, so nothing has moved."),
  ];
}

const figure = (f) => (f.value === null ? h("span", { class: "soft" }, f.reason) : `${f.value.toFixed(2)}${f.low !== null ? ` (${f.low.toFixed(2)} to ${f.high.toFixed(2)})` : ""}`);
function trainPart(t) {
  const going = t.state === "working";
  return [
    h("p", {}, "Trains a new model on the corrections (the audit is left out of training and judges it). The run keeps its model until you score again with the new one."),
    h("p", { class: "actions" }, button(going ? "Training …" : "Retrain", going ? "" : "t", train, { class: "primary", disabled: going }), going ? button("Stop", "", stop) : null),
    t.state === "none" ? null : h("p", { role: "status" }, { working: `Going on for ${Math.round(t.seconds)} s with ${number(t.n_corrections)} corrections.`, done: `Done in ${Math.round(t.seconds)} s.`, failed: "Failed; the last lines say why.", stopped: "Stopped." }[t.state], " By hand: ", h("code", { class: "mono" }, t.command)),
    t.lines?.length ? h("pre", { class: "log", tabindex: 0, "aria-label": "Output of the training" }, t.lines.join("\n")) : null,
    t.result ? [h("h3", {}, `${t.result.id} beside the run's model`), h("p", { class: "soft" }, `On ${number(t.result.n_audit)} audit passages, left out of its training.`, t.result.cross_validated !== null && t.result.cross_validated !== undefined ? ` Cross-validated macro-F1 of the new one: ${t.result.cross_validated}.` : ""), t.result.n_audit ? table(["Class", "In the audit", "Run's model", "New model"], t.result.classes.map((r) => h("tr", {}, h("td", {}, codeChip(r.name)), h("td", { class: "right" }, number(r.n_gold)), h("td", {}, figure(r.old)), h("td", {}, figure(r.new))))) : h("p", {}, h("a", { href: "/code?queue=audit" }, "Code a random audit"), " to compare the two.")] : null,
  ];
}

async function train() {
  try {
    await askCoder();
    $("train").replaceChildren(...trainPart(await api("train", { body: { key: newKey(), coder: coder() } })).flat().filter(Boolean));
    watch();
  } catch (error) {
    toast(error.message, "error");
  }
}

async function stop() {
  await api("train/stop", { body: { key: newKey(), coder: coder() } }).catch((e) => toast(e.message, "error"));
  watch();
}

let timer = 0;
async function watch() {
  clearTimeout(timer);
  try {
    const t = await api("train");
    $("train").replaceChildren(...trainPart(t).flat(3).filter(Boolean));
    if (t.state === "working") timer = setTimeout(watch, 1000);
  } catch {
    timer = setTimeout(watch, 3000);
  }
}

try {
  await askCoder();
  let e = await api("effect", { body: { key: newKey(), coder: coder() } });
  show(h("div", { class: "column" }, h("h2", {}, "What the corrections change"), h("div", { id: "effect" }), h("h2", {}, "Retrain"), h("div", { id: "train" })));
  bind("t", "Retrain", train);
  watch();
  for (;;) {
    $("effect").replaceChildren(...[effectPart(e)].flat(3).filter(Boolean));
    if (e.state !== "working") break;
    await new Promise((r) => setTimeout(r, 500));
    e = await api("effect");
  }
} catch (error) {
  failed(error);
}

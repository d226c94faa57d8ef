import { api, bind, button, codeChip, failed, h, number, percent, setup, show, start, stateBadge, $ } from "/static/base.js";
import { chart } from "/static/chart.js";
import { flush, tell } from "/static/outbox.js";

start();
tell();
flush();
const FIELDS = ["source", "target", "speaker", "first", "last", "indicator", "value", "low", "high", "text", "corpus", "kind", "language", "state", "sort", "speech"];
const EMPTY = { ...Object.fromEntries(FIELDS.map((f) => [f, ""])), sort: "date" };
let filter = { ...EMPTY, ...Object.fromEntries(new URLSearchParams(location.search)) };
let offset = 0, selected = -1, found = null, data = null, timer = 0, ticket = 0;

function control(name, label, options, attributes = {}) {
  const id = `f-${name}`;
  const field = options
    ? h("select", { id, onchange: (e) => change(name, e.target.value) }, h("option", { value: "" }, "any"), options.map(([v, t]) => h("option", { value: v, selected: filter[name] === v }, t)))
    : h("input", { id, value: filter[name], oninput: (e) => later(name, e.target.value), ...attributes });
  return h("div", { class: `field ${attributes.class || ""}` }, h("label", { for: id }, label), field);
}

function named(list) {
  const names = Object.fromEntries(data.actors);
  return list.map((c) => [c.value, `${names[c.value] || c.value} (${number(c.n)})`]);
}

function filters() {
  const c = data.choices;
  const indicator = data.codebook.indicators.find((i) => i.short === filter.indicator);
  const values = indicator ? [...indicator.values.map((v) => [v.mark, v.value]), ["absent", "absent"]] : [["any", "any code"], ["absent", "no code"]];
  const list = h("datalist", { id: "speakers" });
  const speaker = control("speaker", "Speaker", null, { list: "speakers", autocomplete: "off" });
  speaker.querySelector("input").addEventListener("input", async (e) => {
    if (e.target.value.length < 2) return;
    const hits = await api("complete/speaker", { params: { q: e.target.value } }).catch(() => []);
    list.replaceChildren(...hits.map((s) => h("option", { value: s.value }, number(s.n))));
  });
  return h("form", { class: "filters", role: "search", onsubmit: (e) => { e.preventDefault(); load(true); } },
    h("div", { class: "field wide" }, h("label", { for: "f-text" }, "Search words ", h("kbd", {}, "/")), h("input", { id: "f-text", type: "search", placeholder: "\"a phrase\", begin*, -without", value: filter.text, oninput: (e) => later("text", e.target.value) })),
    control("source", "Source", named(c.source)),
    control("target", "Target", named(c.target)),
    speaker, list,
    control("first", "From", null, { placeholder: "1985 or 1985-03", pattern: "\\d{4}(-\\d{2}(-\\d{2})?|Q[1-4])?" }),
    control("last", "To", null, { placeholder: "1990", pattern: "\\d{4}(-\\d{2}(-\\d{2})?|Q[1-4])?" }),
    control("indicator", "Indicator", data.codebook.indicators.map((i) => [i.short, i.name])),
    control("value", "Value", values),
    h("div", { class: "field two" }, h("span", { class: "label", id: "band" }, "Probability"),
      h("span", { role: "group", "aria-labelledby": "band" },
        h("input", { id: "f-low", type: "number", min: 0, max: 1, step: 0.05, value: filter.low, placeholder: "0", "aria-label": "at least", oninput: (e) => later("low", e.target.value) }), " – ",
        h("input", { id: "f-high", type: "number", min: 0, max: 1, step: 0.05, value: filter.high, placeholder: "1", "aria-label": "at most", oninput: (e) => later("high", e.target.value) }))),
    control("state", "State", [["unseen", "unseen"], ["suggested", "suggested"], ["coded", "coded"], ["adjudicated", "adjudicated"], ...(data.has_other ? [["models", "two models disagree"]] : []), ["differs", "coder differs from model"], ["disputed", "coders disagree"], ["hard", "flagged as hard"]]),
    c.corpus.length > 1 ? control("corpus", "Corpus", c.corpus.map((v) => [v.value, `${v.value} (${number(v.n)})`])) : null,
    c.kind.length > 1 ? control("kind", "Kind", c.kind.map((v) => [v.value, `${v.value} (${number(v.n)})`])) : null,
    c.language.length > 1 ? control("language", "Language", c.language.map((v) => [v.value, `${v.value} (${number(v.n)})`])) : null,
    h("div", { class: "field" }, h("label", { for: "f-sort" }, "Order"), h("select", { id: "f-sort", onchange: (e) => change("sort", e.target.value) }, [["date", "oldest first"], ["newest", "newest first"], ["likely", "most probable"], ["doubtful", "most doubtful"], ...(data.has_other ? [["models", "models disagree most"]] : []), ["torn", "both values likely"], ["rare", "rare codes"], ["random", "random"]].map(([v, t]) => h("option", { value: v, selected: filter.sort === v }, t)))),
    h("div", { class: "field" }, button("Clear", "Escape", clear, { class: "quiet" })));
}

function clear() {
  filter = { ...EMPTY };
  draw();
}

function later(name, value) {
  filter[name] = value.trim();
  clearTimeout(timer);
  timer = setTimeout(() => load(true), 250);
}

function change(name, value) {
  filter[name] = value;
  if (name === "indicator") filter.value = "";
  load(true);
  if (name === "indicator") refreshFilters();
  if (["source", "target", "indicator"].includes(name)) drawSeries();
}

function refreshFilters() {
  const focus = document.activeElement?.id;
  $("filters").replaceChildren(filters());
  if (focus) $(focus)?.focus();
}

async function load(reset) {
  if (reset) (offset = 0), (selected = -1);
  const mine = ++ticket;
  const box = $("results");
  box.setAttribute("aria-busy", "true");
  const params = Object.fromEntries(Object.entries(filter).filter(([k, v]) => v !== "" && !(k === "sort" && v === "date")));
  history.replaceState(null, "", "?" + new URLSearchParams(params));
  try {
    const page = await api("passages", { params: { ...filter, offset } });
    if (mine !== ticket) return;
    found = page;
    drawResults();
  } catch (error) {
    if (mine !== ticket) return;
    box.replaceChildren(h("p", { class: "empty error", role: "alert" }, error.message));
  }
  box.removeAttribute("aria-busy");
}

function drawResults() {
  const { total, passages, page } = found;
  const box = $("results");
  const names = Object.fromEntries(data.actors);
  $("count").replaceChildren(`${number(total)} passages`);
  if (!total) {
    box.replaceChildren(h("div", { class: "empty" }, h("h2", {}, "No passage fits"), h("p", {}, filter.state && !["unseen", "suggested"].includes(filter.state) ? "Nothing has this state yet. Code some passages first." : "Take a filter away, or widen the period or the band."), button("Clear filters", "Escape", clear)));
    return;
  }
  box.replaceChildren(
    h("ol", { class: "passages", start: offset + 1 }, passages.map((p, k) => h("li", { class: k === selected ? "on" : "" },
      h("a", { href: open(p), "data-n": k, onfocus: () => mark(k, false) },
        h("span", { class: "text" }, p.text),
        h("span", { class: "meta" }, h("b", {}, names[p.source] || p.source), ` ${p.speaker} · ${p.date}`, p.targets.length ? ` → ${p.targets.map((t) => names[t] || t).join(", ")}` : "", " ", p.codes.map((c) => [codeChip(c, percent(p.probabilities[c])), " "]), filter.indicator ? probabilityNote(p) : "", stateBadge(p.state)))))),
    h("p", { class: "pager" },
      button("Earlier", "p", () => turn(-1), { disabled: offset === 0 }), ` ${number(offset + 1)}–${number(Math.min(offset + page, total))} of ${number(total)} `,
      button("Later", "n", () => turn(1), { disabled: offset + page >= total || offset + page > 10000 })));
}

function probabilityNote(p) {
  const indicator = data.codebook.indicators.find((i) => i.short === filter.indicator);
  return h("span", { class: "soft num" }, indicator.values.map((v) => `${v.class.replace("-", "−")} ${percent(p.probabilities[v.class])} `));
}

const open = (p) => `/code?queue=explore&passage=${encodeURIComponent(p.passage_id)}`;

function turn(step) {
  if (!found) return;
  const next = offset + step * found.page;
  if (next < 0 || next >= found.total || next > 10000) return;
  offset = next;
  selected = -1;
  load(false).then(() => $("results").scrollIntoView({ block: "start" }));
}

function mark(k, focus = true) {
  const rows = [...document.querySelectorAll("ol.passages > li")];
  selected = Math.max(0, Math.min(rows.length - 1, k));
  rows.forEach((r, n) => r.classList.toggle("on", n === selected));
  if (focus) rows[selected]?.querySelector("a").focus();
}

async function drawSeries() {
  const box = $("series");
  if (!box) return;
  let { source, target } = filter;
  const dyads = await api("dyads").catch(() => []);
  if (!source || !target) {
    const best = dyads.find((d) => (!source || d.source === source) && (!target || d.target === target));
    if (!best) return box.replaceChildren(h("p", { class: "empty" }, "No pair with series here. Choose a source and a target."));
    ({ source, target } = best);
  }
  const indicator = data.codebook.indicators.find((i) => i.short === filter.indicator);
  try {
    const s = await api("series", { params: { source, target, indicator: indicator?.id || "all" } });
    const label = (d) => `${d.source_name} → ${d.target_name}`;
    const chosen = dyads.find((d) => d.source === source && d.target === target);
    const shown = chosen ? dyads : [{ source, target, source_name: source, target_name: target }, ...dyads];
    box.replaceChildren(
      h("div", { class: "series-head" }, h("label", { for: "dyad" }, "Series of "),
        h("select", { id: "dyad", onchange: (e) => { [filter.source, filter.target] = e.target.value.split("\u0000"); filter.first = filter.last = ""; draw(); } }, shown.slice(0, 300).map((d) => h("option", { value: `${d.source}\u0000${d.target}`, selected: d.source === source && d.target === target }, label(d)))),
        h("span", { class: "soft" }, indicator ? ` ${indicator.name}: affirmed against denied. ` : " all indicators. ", "Choose a point, or drag over years, to list their passages.")),
      chart(s, { onpick: (p) => pick(source, target, p, p), onbrush: (a, b) => pick(source, target, a, b), first: filter.first, last: filter.last }));
  } catch (error) {
    box.replaceChildren(h("p", { class: "empty error" }, error.message));
  }
}

function pick(source, target, first, last) {
  Object.assign(filter, { source, target, first, last });
  if (!filter.value) filter.value = filter.indicator ? "any" : "any";
  refreshFilters();
  drawSeries();
  load(true).then(() => mark(0));
}

function draw() {
  show(h("div", { class: "explore" },
    h("aside", { id: "filters", "aria-label": "Filters" }, filters()),
    h("div", { class: "found" },
      h("section", { id: "series", "aria-label": "Series" }, h("p", { class: "loading" }, "Loading …")),
      h("div", { class: "found-head" }, h("h2", {}, h("span", { id: "count", role: "status", "aria-live": "polite" })), h("span", { class: "soft" }, h("kbd", {}, "j"), " ", h("kbd", {}, "k"), " move, ", h("kbd", {}, "Enter"), " opens")),
      h("section", { id: "results", "aria-label": "Passages" }, h("p", { class: "loading" }, "Loading …")))));
  load(true);
  drawSeries();
}

bind("/", "Search words", () => $("f-text").focus());
bind(["j", "ArrowDown"], "Next passage", () => mark(selected + 1));
bind(["k", "ArrowUp"], "Passage before", () => mark(selected - 1));
bind("Enter", "Open the passage", () => document.querySelectorAll("ol.passages a")[Math.max(0, selected)]?.click());
bind("n", "Later page", () => turn(1));
bind("p", "Earlier page", () => turn(-1));
bind("Escape", "Clear filters", clear);

try {
  data = await setup();
  draw();
} catch (error) {
  failed(error);
}

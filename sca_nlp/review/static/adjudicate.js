// Adjudication: what each coder decided, side by side; one key takes a view, and classes can be set by keys as in coding.
import { api, askCoder, bind, button, codeChip, coder, failed, h, newKey, number, percent, setup, show, start, toast, $ } from "/static/base.js";
import { flush, onRefused, put, tell, waiting } from "/static/outbox.js";

start();
let data = null, list = [], at = null, draft = null, base = "", place = 0;

async function load() {
  await flush();
  list = await api("disputed");
  place = Math.min(place, Math.max(0, list.length - 1));
  if (!list.length) return show(h("div", { class: "empty" }, h("h2", {}, "Nobody disagrees"), h("p", {}, "Passages on which two coders differ come here. Let a second coder work through the queue “Second coding”."), h("p", {}, h("a", { href: "/code?queue=second" }, "Second coding"), " · ", h("a", { href: "/progress" }, "Agreement"))));
  await open(list[place].passage_id);
}

async function open(id) {
  at = await api(`disputed/${encodeURIComponent(id)}`, { params: { coder: coder() } });
  const held = at.slot?.decision;
  base = at.slot?.key || "";
  draft = held ? { codes: held.codes, targets: held.targets, comment: held.comment } : { codes: [], targets: [], comment: "" };
  draw();
}

function record(kind, status) {
  const key = newKey();
  put("decisions", { key, base, coder: coder(), passage_id: at.passage.passage_id, kind, role: "adjudicator", codes: draft.codes, targets: draft.targets, status, hard: false, comment: draft.comment, saw_model: true, queue: "" });
  base = key;
}

onRefused(() => at && open(at.passage.passage_id));

function take(view) {
  if (!view) return;
  draft.codes = [...view.decision.codes];
  draft.targets = [...view.decision.targets];
  record("edit", "draft");
  draw();
}

function toggle(cls) {
  const indicator = data.codebook.indicators.find((i) => i.values.some((v) => v.class === cls));
  const others = indicator.values.map((v) => v.class);
  const had = draft.codes.includes(cls);
  draft.codes = data.codebook.classes.filter((c) => (c === cls && !had) || (draft.codes.includes(c) && !others.includes(c)));
  record("edit", "draft");
  draw();
}

function setTargets(text) {
  draft.targets = [...new Set(text.split(/[\s,;]+/).filter(Boolean).map((t) => data.actors.find(([c, n]) => c.toLowerCase() === t.toLowerCase() || n.toLowerCase() === t.toLowerCase())?.[0] || t.toUpperCase()))];
  record("edit", "draft");
  draw();
}

async function confirm() {
  record("confirm", "coded");
  await flush();
  if (!waiting()) toast("Adjudicated");
  load();
}

const views = () => at.others.filter((o) => o.role === "coder" && o.decision?.status === "coded").sort((a, b) => a.coder.localeCompare(b.coder));

function draw() {
  const { passage: p, context: c } = at;
  const all = views();
  const agreed = data.codebook.classes.filter((x) => all.every((v) => v.decision.codes.includes(x)));
  const letters = "asdfgh";
  show(h("div", { class: "column" },
    h("p", { class: "soft" }, `${number(list.length)} passages wait; this is ${place + 1}. `, button("Next", "n", () => move(1), { class: "quiet" }), button("Before", "p", () => move(-1), { class: "quiet" })),
    h("p", { class: "meta" }, h("b", {}, at.names[p.source] || p.source), ` · ${p.speaker} · ${p.date} · `, h("a", { href: `/history/${encodeURIComponent(p.passage_id)}` }, "history")),
    h("div", { class: "context" }, c.before.map((t) => h("p", {}, t))),
    h("blockquote", { class: "sentence" }, at.segments.map((s) => (s.actors ? h("mark", { class: "actor" }, s.text) : s.text))),
    h("div", { class: "context" }, c.after.map((t) => h("p", {}, t))),
    h("h2", { class: "unseen" }, "Views"),
    h("div", { class: "views" },
      all.map((v, k) => h("section", { class: "view" }, h("h3", {}, v.coder),
        h("p", {}, v.decision.codes.length ? v.decision.codes.map((x) => { const chip = codeChip(x); if (!agreed.includes(x)) chip.classList.add("differs"); return chip; }) : "no code"), h("p", { class: "soft" }, v.decision.targets.length ? `→ ${v.decision.targets.join(", ")}` : "no target"), v.decision.comment ? h("q", {}, v.decision.comment) : null,
        h("p", {}, button("Take this", letters[k], () => take(v))))),
      h("section", { class: "view" }, h("h3", {}, "The model"), h("p", {}, p.codes.length ? p.codes.map((x) => codeChip(x, percent(p.probabilities[x]))) : "no code"), h("p", { class: "soft" }, p.targets.length ? `→ ${p.targets.join(", ")}` : "no target"))),
    h("h2", {}, "Adjudicated as"),
    data.codebook.indicators.map((i) => h("div", { class: "indicator", role: "group", "aria-label": i.name }, h("span", { class: "name" }, h("b", {}, i.short), " ", i.name), i.values.map((v) => h("button", { type: "button", class: `value ${v.mark === "+" ? "plus" : "minus"}`, "aria-pressed": String(draft.codes.includes(v.class)), "data-keys-pass": true, title: v.definition, onclick: () => toggle(v.class) }, h("kbd", {}, data.keys[v.class] || ""), h("span", {}, v.value), h("span"))))),
    h("p", {}, h("label", { for: "targets" }, "About whom ", h("kbd", {}, "t"), " "), h("input", { id: "targets", value: draft.targets.join(" "), onchange: (e) => setTargets(e.target.value), onkeydown: (e) => { if (e.key === "Enter") e.target.blur(); } })),
    h("p", {}, h("label", { for: "comment" }, "Why ", h("kbd", {}, "c"), " "), h("input", { id: "comment", maxlength: 4000, value: draft.comment, onchange: (e) => { draft.comment = e.target.value; record("comment", "draft"); } })),
    h("p", { class: "actions" }, button("Settle and go on", "Enter", confirm, { class: "primary" }), button("Undo", "u", () => step("undo")), button("Redo", "r", () => step("redo")))));
}

async function step(kind) {
  await flush();
  try {
    const answer = await api(kind, { body: { key: newKey(), coder: coder() } });
    toast(answer.slot ? (kind === "undo" ? "Taken back" : "Done again") : `Nothing to ${kind}`);
    if (answer.slot?.role === "adjudicator") await open(answer.slot.passage_id);
    else await load();
  } catch (error) {
    toast(error.message, "error");
  }
}

function move(by) {
  place = (place + by + list.length) % list.length;
  load();
}

try {
  data = await setup();
  await askCoder();
  tell();
  for (const i of data.codebook.indicators) for (const v of i.values) if (data.keys[v.class]) bind(data.keys[v.class], `${i.name}: ${v.value}`, () => at && toggle(v.class), "Indicators");
  [..."asdfgh"].forEach((key, k) => bind(key, `Take view ${k + 1}`, () => at && take(views()[k])));
  bind("Enter", "Settle and go on", () => at && confirm());
  bind("n", "Next passage", () => at && move(1));
  bind("p", "Passage before", () => at && move(-1));
  bind("t", "Target", () => $("targets")?.focus());
  bind("c", "Why", () => $("comment")?.focus());
  bind(["u", "Ctrl+z"], "Undo", () => step("undo"));
  bind(["r", "Ctrl+y", "Ctrl+Shift+Z"], "Redo", () => step("redo"));
  await load();
} catch (error) {
  failed(error);
}

// Coding: one passage, its context, five indicators, a target. Every key press is stored at once; Enter confirms what is
// on the screen and moves on.
import { api, askCoder, bind, button, codebookPanel, codeChip, coder, failed, h, newKey, number, percent, safeLink, setup, show, start, stateBadge, toast, $ } from "/static/base.js";
import { flush, onRefused, onSaved, put, tell, waiting, waitingFor } from "/static/outbox.js";

start();
const query = new URLSearchParams(location.search);
const NAMES = { informative: "Informative", audit: "Random audit", second: "Second coding", hard: "Hard", explore: "One passage" };
const BLIND = new Set(["audit", "second"]);
let queue = query.get("queue") || localStorage.getItem("queue") || "informative";
let line = []; // ids still to come
let at = null; // the passage on the screen
let draft = null; // what is on the screen
let base = ""; // key of the slot's last event
let steps = { undo: 0, redo: 0 };
let reveal = true;
let panel = "";
let data = null;
let progress = null;
let busy = false;

const blank = () => ({ codes: [], targets: [], status: "draft", hard: false, comment: "", saw_model: false });

async function next() {
  await flush();
  if (queue === "explore") return (location.href = "/explore");
  try {
    const seen = at?.passage.passage_id;
    if (!line.length) line = (await api(`queues/${queue}`, { params: { coder: coder(), n: 20 } })).passages.filter((p) => p !== seen);
    progress = await api("progress", { params: { coder: coder() } });
  } catch (error) {
    return error.status === 0 ? toast(error.message, "error") : failed(error);
  }
  const id = line.shift();
  if (!id) return empty();
  await open(id);
}

async function open(id, show_model = !BLIND.has(queue)) {
  try {
    const loaded = await api(`passage/${encodeURIComponent(id)}`, { params: { coder: coder(), reveal: show_model } });
    const isNew = at?.passage.passage_id !== id;
    at = loaded;
    reveal = show_model;
    steps = loaded.steps;
    const held = loaded.slot?.decision;
    base = loaded.slot?.key || "";
    const pending = waitingFor(id, coder());
    if (pending.length) {
      // Keys that have not reached the server yet stand above what it knows.
      draft = { ...blank(), ...pending.at(-1).body };
      base = pending.at(-1).body.key;
    } else if (held) draft = { ...blank(), ...held };
    else if (isNew || !draft) draft = { ...blank(), codes: show_model ? [...loaded.passage.codes] : [], targets: show_model ? [...loaded.passage.targets] : [], saw_model: show_model };
    if (show_model) draft.saw_model = true;
    if (isNew) panel = "";
    history.replaceState(null, "", `?queue=${encodeURIComponent(queue)}&passage=${encodeURIComponent(id)}`);
    draw();
    window.scrollTo(0, 0);
  } catch (error) {
    failed(error);
  }
}

function record(kind) {
  const key = newKey();
  const body = { key, base, coder: coder(), passage_id: at.passage.passage_id, kind, role: "coder", codes: draft.codes, targets: draft.targets, status: draft.status, hard: draft.hard, comment: draft.comment, saw_model: draft.saw_model, queue };
  base = key;
  steps = { undo: steps.undo + 1, redo: 0 };
  return put("decisions", body);
}

onSaved((answer) => {
  if (answer?.steps && !waiting()) steps = answer.steps;
});
onRefused(async (error, item) => {
  if (at && item.body.passage_id === at.passage.passage_id) await open(at.passage.passage_id, reveal);
});

// ---- what keys do ---------------------------------------------------------------------------------------------------
function toggle(cls) {
  const indicator = data.codebook.indicators.find((i) => i.values.some((v) => v.class === cls));
  const had = draft.codes.includes(cls);
  const others = indicator.values.map((v) => v.class);
  draft.codes = draft.codes.filter((c) => !others.includes(c));
  if (!had) draft.codes = data.codebook.classes.filter((c) => c === cls || draft.codes.includes(c));
  draft.status = "draft";
  record("edit");
  draw();
}

function confirm() {
  if (busy || !at) return;
  busy = true;
  draft.status = "coded";
  record("confirm").finally(() => (busy = false));
  toast(draft.codes.length ? `Confirmed: ${draft.codes.join(" ")}${draft.targets.length ? " → " + draft.targets.join(", ") : ""}` : "Confirmed: no code");
  next();
}

function skip() {
  draft.status = "skipped";
  record("skip");
  next();
}

function hard() {
  draft.hard = !draft.hard;
  record("edit");
  draw();
}

async function step(kind) {
  await flush();
  if (waiting()) return toast("Not while the server is away. Your keys are kept and will be sent.", "error");
  try {
    const answer = await api(kind, { body: { key: newKey(), coder: coder() } });
    steps = answer.steps;
    if (!answer.slot) return toast(kind === "undo" ? "Nothing to undo" : "Nothing to redo");
    if (at && at.passage.passage_id !== answer.slot.passage_id) line.unshift(at.passage.passage_id);
    else at = null;
    draft = null;
    if (queue === "explore" || !NAMES[queue]) queue = localStorage.getItem("queue") || "informative";
    await open(answer.slot.passage_id);
    toast(kind === "undo" ? "Taken back" : "Done again");
  } catch (error) {
    toast(error.message, "error");
  }
}

async function showModel() {
  if (reveal) return toast("The model's codes are on the screen already");
  draft.saw_model = true;
  record("edit");
  await flush();
  await open(at.passage.passage_id, true);
}

// ---- target ---------------------------------------------------------------------------------------------------------
function addTarget(code) {
  if (!draft.targets.includes(code)) {
    draft.targets = [...draft.targets, code].slice(0, 10);
    draft.status = "draft";
    record("edit");
  }
  draw();
}

function dropTarget(code) {
  draft.targets = draft.targets.filter((t) => t !== code);
  draft.status = "draft";
  record("edit");
  draw();
}

function nameOf(code) {
  return data.actors.find(([c]) => c === code)?.[1] || at?.names?.[code] || code;
}

function targetBox() {
  const list = h("ul", { id: "target-list", role: "listbox", "aria-label": "Actors", hidden: true });
  let options = [], active = 0;
  const input = h("input", { id: "target", type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": "target-list", "aria-autocomplete": "list", autocomplete: "off", placeholder: "name or code", oninput: () => offer(), onfocus: () => offer(), onblur: () => setTimeout(() => shut(), 150), onkeydown: keys });
  function offer() {
    const typed = input.value.trim().toLowerCase();
    const near = [...at.named, "?"].filter((c) => !draft.targets.includes(c)).map((c) => [c, nameOf(c)]);
    options = typed
      ? data.actors.filter(([c, n]) => c.toLowerCase().startsWith(typed) || n.toLowerCase().includes(typed)).sort((a, b) => rank(a, typed) - rank(b, typed)).slice(0, 8)
      : near.slice(0, 8);
    active = 0;
    paint();
  }
  const rank = ([c, n], t) => (c.toLowerCase() === t ? 0 : at.named.includes(c) ? 1 : n.toLowerCase().startsWith(t) ? 2 : c.toLowerCase().startsWith(t) ? 3 : 4);
  function paint() {
    list.hidden = !options.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    list.replaceChildren(...options.map(([c, n], k) => h("li", { id: `opt-${k}`, role: "option", "aria-selected": String(k === active), onpointerdown: (e) => { e.preventDefault(); addTarget(c); } }, n, " ", h("span", { class: "soft" }, c === "?" ? "?" : c))));
    input.setAttribute("aria-activedescendant", options.length ? `opt-${active}` : "");
  }
  function shut() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
  }
  function keys(e) {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      active = (active + (e.key === "ArrowDown" ? 1 : options.length - 1)) % Math.max(1, options.length);
      paint();
    } else if (e.key === "Enter") {
      e.preventDefault();
      if (options[active]) addTarget(options[active][0]);
      document.activeElement.blur();
    } else if (e.key === "Backspace" && !input.value && draft.targets.length) dropTarget(draft.targets.at(-1));
  }
  return h("div", { class: "targetbox" },
    h("label", { for: "target" }, "About whom ", h("kbd", {}, "t")),
    h("div", { class: "chips" }, draft.targets.map((t) => h("button", { type: "button", class: "chip", title: "Take away", onclick: () => dropTarget(t) }, nameOf(t), h("span", { "aria-hidden": "true" }, " ×"), h("span", { class: "unseen" }, " (take away)"))), input), list);
}

// ---- drawing --------------------------------------------------------------------------------------------------------
function sentence() {
  return h("blockquote", { class: "sentence", lang: at.passage.language || null }, at.segments.map((s) => (s.actors ? h("mark", { class: s.target || s.actors.some((a) => draft.targets.includes(a)) ? "actor target" : "actor", title: s.names.join(", ") }, s.text) : s.text)));
}

function indicatorRow(i) {
  const p = at.passage.probabilities;
  return h("div", { class: "indicator", role: "group", "aria-label": i.name },
    h("span", { class: "name", title: i.question }, h("b", {}, i.short), " ", i.name),
    i.values.map((v) => {
      const on = draft.codes.includes(v.class);
      const suggested = reveal && at.passage.codes?.includes(v.class);
      const rival = reveal && at.passage.other_codes?.includes(v.class);
      const key = data.keys[v.class];
      return h("button", { type: "button", class: `value ${v.mark === "+" ? "plus" : "minus"}${suggested ? " suggested" : ""}`, "aria-pressed": String(on), "aria-keyshortcuts": key, "data-keys-pass": true, title: v.definition, onclick: () => toggle(v.class) },
        key ? h("kbd", {}, key) : null, h("span", {}, v.value), p ? h("span", { class: "num" }, percent(p[v.class])) : null, p ? h("span", { class: "gauge", "aria-hidden": "true" }, h("span", { "width%": 100 * p[v.class] })) : null, suggested ? h("span", { class: "unseen" }, " suggested by the model") : null, rival && !suggested ? h("span", { class: "rival", title: "The other model gives this code" }, "other model") : null);
    }));
}

function draw() {
  if (!at) return;
  const { passage: p, context: c } = at;
  const keep = document.activeElement?.id;
  const left = progress ? { audit: progress.audit_left_for_me, second: progress.second_left }[queue] : undefined;
  show(h("div", { class: "coding" },
    h("section", { class: "reading", "aria-label": "Passage" },
      h("p", { class: "meta" }, h("b", {}, nameOf(p.source)), p.speaker ? ` · ${p.speaker}` : "", c.office ? `, ${c.office}` : "", ` · ${p.date}`, c.venue ? ` · ${c.venue}` : "", c.title ? ` · ${c.title}` : "", " ", safeLink(c.url || "", "source")),
      h("div", { class: "context" }, c.before.map((t) => h("p", {}, t))), sentence(), h("div", { class: "context" }, c.after.map((t) => h("p", {}, t))),
      h("p", { class: "tools" },
        button("Speech", "o", wholeSpeech, { class: "quiet" }), button("Codebook", "b", () => togglePanel("codebook"), { class: "quiet", "aria-expanded": String(panel === "codebook") }),
        reveal ? button("Why", "w", () => togglePanel("why"), { class: "quiet", "aria-expanded": String(panel === "why") }) : null,
        button("Similar", "l", () => togglePanel("similar"), { class: "quiet", "aria-expanded": String(panel === "similar") }), reveal ? button("History", "i", history_, { class: "quiet" }) : null),
      h("div", { id: "panel", role: panel ? "region" : null, tabindex: panel ? 0 : null, "aria-label": { codebook: "Codebook", why: "Words that drove the codes", similar: "Similar passages" }[panel] })),
    h("section", { class: "deciding", "aria-label": "Decision" },
      h("div", { class: "queue" }, queuePicker(), left !== undefined ? h("span", { class: "soft" }, `${number(left)} left`) : null, progress ? h("span", { class: "soft" }, `${number(progress.mine)} coded by you`) : null, stateBadge(at.state), draft.status === "coded" ? h("span", { class: "soft" }, "confirmed by you") : null),
      BLIND.has(queue) && !reveal ? h("p", { class: "blind" }, "Blind: the model's and other coders' codes are hidden. ", button("Show the model's", "m", showModel, { class: "quiet" })) : null,
      data.codebook.indicators.map(indicatorRow),
      targetBox(),
      h("div", { class: "commentbox" }, h("label", { for: "comment" }, "Comment ", h("kbd", {}, "c")), h("textarea", { id: "comment", rows: 1, maxlength: 4000, value: draft.comment, onchange: (e) => { draft.comment = e.target.value; record("comment"); }, oninput: (e) => autosaveComment(e.target.value) })),
      h("div", { class: "actions" },
        button("Confirm and go on", "Enter", confirm, { class: "primary" }), button("Skip", "s", skip), h("button", { type: "button", "aria-pressed": String(draft.hard), "aria-keyshortcuts": "h", onclick: hard }, draft.hard ? "Hard ✓" : "Hard", " ", h("kbd", {}, "h"))),
      h("div", { class: "actions" }, button(`Undo (${number(steps.undo)})`, "u", () => step("undo"), { disabled: !steps.undo, title: "Ctrl+Z" }), button(`Redo (${number(steps.redo)})`, "r", () => step("redo"), { disabled: !steps.redo, title: "Ctrl+Y" })))));
  if (keep && keep !== "comment" && $(keep)) $(keep).focus();
  if (panel) fillPanel();
}

let commentTimer = 0;
function autosaveComment(text) {
  clearTimeout(commentTimer);
  commentTimer = setTimeout(() => {
    if (draft.comment === text) return;
    draft.comment = text;
    record("comment");
  }, 700);
}

function queuePicker() {
  return h("label", {}, h("span", { class: "unseen" }, "Queue"), h("select", { id: "queue", onchange: (e) => choose(e.target.value) }, Object.entries(NAMES).filter(([q]) => q !== "explore" || queue === "explore").map(([q, n]) => h("option", { value: q, selected: q === queue }, n))));
}

function choose(q) {
  queue = q;
  localStorage.setItem("queue", q);
  line = [];
  at = null;
  draft = null;
  document.activeElement?.blur();
  next();
}

function empty() {
  at = null;
  history.replaceState(null, "", `?queue=${encodeURIComponent(queue)}`);
  const drawForm = queue === "audit" ? h("form", { class: "drawform", onsubmit: drawMore },
    h("p", {}, "The audit is a random sample of the whole run. It alone gives unbiased estimates and honest error rates."),
    h("label", { for: "draw-n" }, "Draw "), h("input", { id: "draw-n", type: "number", min: 1, max: 10000, value: 50 }), " passages, ",
    h("input", { id: "draw-share", type: "number", min: 0, max: 100, step: 5, value: 50, "aria-label": "per cent of them from passages with a code" }), " % of them from passages that the model codes. ",
    h("button", { class: "primary" }, "Draw")) : null;
  const why = { informative: "Every passage has been decided on.", audit: progress?.audit_drawn ? "All drawn passages are decided on. Draw more, or look at Progress." : "Nothing has been drawn yet.", second: "Nobody else's coding waits for a second coder.", hard: "No passage is flagged as hard." }[queue] || "";
  show(h("div", { class: "empty" }, h("p", {}, queuePicker()), h("h2", {}, "Nothing left in this queue"), h("p", {}, why), drawForm, h("p", {}, h("a", { href: "/progress" }, "Progress"), " · ", h("a", { href: "/explore" }, "Explore"))));
}

async function drawMore(event) {
  event.preventDefault();
  try {
    const answer = await api("audit/draw", { body: { coder: coder(), n: Number($("draw-n").value), share_coded: Number($("draw-share").value) / 100 } });
    toast(`${answer.drawn} passages drawn`);
    next();
  } catch (error) {
    toast(error.message, "error");
  }
}

// ---- panels ---------------------------------------------------------------------------------------------------------
function togglePanel(name) {
  panel = panel === name ? "" : name;
  draw();
}

async function fillPanel() {
  const box = $("panel");
  const id = at.passage.passage_id;
  box.className = "panel";
  try {
    if (panel === "codebook") box.replaceChildren(codebookPanel(data));
    if (panel === "why") {
      box.replaceChildren(h("p", { class: "loading" }, "Leaving out each word in turn …"));
      const why = await api(`passage/${encodeURIComponent(id)}/explain`);
      if (at?.passage.passage_id === id && panel === "why") box.replaceChildren(h("h2", {}, "Words that drove the codes"), Object.entries(why.classes).map(([c, words]) => whyRow(c, words, why.neighbours[c])).reduce((f, e) => (f.append(e), f), document.createDocumentFragment()), h("p", { class: "soft" }, `${why.method}; strong: the code would lose that much probability without it`));
    }
    if (panel === "similar") {
      const found = await api(`passage/${encodeURIComponent(id)}/similar`, { params: { coder: coder(), reveal } });
      if (at?.passage.passage_id === id && panel === "similar") box.replaceChildren(h("h2", {}, reveal ? "Similar passages, already coded" : "Similar passages, coded by you"), found.length ? h("ul", { class: "similar" }, found.map((s) => h("li", {}, s.text, " ", s.decided.length ? s.decided.map((c) => codeChip(c)) : h("span", { class: "soft" }, "no code"), h("span", { class: "soft" }, ` ${s.about.join(", ")} · ${s.coder} · ${s.date}`)))) : h("p", { class: "soft" }, "None yet."));
    }
  } catch (error) {
    box.replaceChildren(h("p", { class: "soft", role: "alert" }, error.message));
  }
}

function whyRow(cls, words, beside) {
  const most = Math.max(...words.map((w) => Math.abs(w.weight)), 0.02);
  const signed = (x, digits) => `${x >= 0 ? "+" : "−"}${Math.abs(x).toFixed(digits)}`;
  const heeded = beside.some((x) => Math.abs(x) >= 0.005) ? h("span", { class: "soft" }, ` sentence before ${signed(beside[0], 2)}, after ${signed(beside[1], 2)}`) : "";
  return h("p", { class: "why" }, codeChip(cls), " ", words.map((w) => h("span", { class: w.weight >= 0 ? "word for" : "word against", alpha: Math.round((100 * Math.abs(w.weight)) / most) / 100, title: signed(w.weight, 3) }, w.text)), heeded);
}

function history_() {
  location.href = `/history/${encodeURIComponent(at.passage.passage_id)}`;
}

function wholeSpeech() {
  location.href = `/speech/${encodeURIComponent(at.passage.speech_id)}?${new URLSearchParams({ passage: at.passage.passage_id, queue, ...(reveal ? {} : { blind: 1 }) })}`;
}

bind("Enter", "Confirm what is on the screen and go on", confirm, "Decide");
bind("s", "Skip", skip, "Decide");
bind("h", "Flag as hard, or not", hard, "Decide");
bind("t", "Target", () => $("target")?.focus(), "Decide");
bind("c", "Comment", () => $("comment")?.focus(), "Decide");
bind(["u", "Ctrl+z"], "Undo, also earlier passages", () => step("undo"), "Decide");
bind(["r", "Ctrl+y", "Ctrl+Shift+Z"], "Redo", () => step("redo"), "Decide");
bind("o", "The whole speech", () => at && wholeSpeech(), "Read");
bind("b", "Codebook", () => at && togglePanel("codebook"), "Read");
bind("w", "Words that drove the codes", () => at && reveal && togglePanel("why"), "Read");
bind("l", "Similar coded passages", () => at && togglePanel("similar"), "Read");
bind("i", "History of this passage", () => at && reveal && history_(), "Read");
bind("m", "Show the model's codes (logged)", () => at && showModel(), "Read");
bind("q", "Choose the queue", () => $("queue")?.focus(), "Read");

try {
  data = await setup();
  for (const i of data.codebook.indicators) for (const v of i.values) if (data.keys[v.class]) bind(data.keys[v.class], `${i.name}: ${v.value}`, () => at && toggle(v.class), "Indicators");
  await askCoder();
  tell();
  const wanted = query.get("passage");
  if (wanted) {
    progress = await api("progress", { params: { coder: coder() } });
    await open(wanted);
  } else {
    await flush();
    await next();
  }
} catch (error) {
  failed(error);
}

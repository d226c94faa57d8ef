// What every view uses: elements, requests, keys, the coder's name, theme, messages. Text from outside only ever
// becomes text nodes or attribute values: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "line", "circle", "rect", "g", "text", "title", "polyline"]);

export function h(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "width%") element.style.width = `${value}%`;
    else if (name === "left%") element.style.left = `${value}%`;
    else if (name === "alpha") element.style.setProperty("--alpha", value);
    else if (name === "value" && "value" in element) element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false));
  return element;
}

export const $ = (id) => document.getElementById(id);
export const view = () => $("view");
export const main = () => $("main");

export function show(...children) {
  view().replaceChildren(...children.flat(3).filter(Boolean));
  view().removeAttribute("aria-busy");
}

export class Refused extends Error {
  constructor(message, status, body) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

// status 0: the server is away.
export async function api(path, { body, bytes, params } = {}) {
  const query = params ? "?" + new URLSearchParams(Object.entries(params).filter(([, v]) => v !== "" && v !== undefined && v !== null)) : "";
  const post = body !== undefined || bytes !== undefined;
  let answer;
  try {
    answer = await fetch("/api/" + path + query, {
      method: post ? "POST" : "GET",
      credentials: "same-origin",
      headers: post ? { "content-type": bytes ? "application/octet-stream" : "application/json" } : {},
      body: post ? (bytes ?? JSON.stringify(body)) : undefined,
    });
  } catch {
    throw new Refused("The server is away. Is `sca review` still running?", 0);
  }
  let data = null;
  try {
    data = await answer.json();
  } catch {
    /* no JSON: said below */
  }
  if (!answer.ok) throw new Refused(data?.error || `The server answered ${answer.status}.`, answer.status, data);
  return data;
}

export function newKey() {
  return crypto.randomUUID ? crypto.randomUUID() : Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

let toastTimer = 0;
export function toast(text, kind = "note") {
  const box = $("toast");
  box.replaceChildren(text);
  box.className = `on ${kind}`;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (box.className = ""), kind === "error" ? 9000 : 3500);
}

export function failed(error) {
  show(h("div", { class: "empty error", role: "alert" }, h("h2", {}, "This did not work"), h("p", {}, error.message), h("p", {}, h("button", { type: "button", onclick: () => location.reload() }, "Try again"))));
}

let setupPromise = null;
export const setup = () => (setupPromise ??= api("setup"));

// ---- coder ----------------------------------------------------------------------------------------------------------
export const coder = () => sessionStorage.getItem("coder") || localStorage.getItem("coder") || "";

export function askCoder(force = false) {
  if (coder() && !force) return Promise.resolve(coder());
  return new Promise((resolve) => {
    const input = h("input", { type: "text", id: "coder-name", maxlength: 60, required: true, autocomplete: "off", value: coder() });
    const dialog = h(
      "dialog",
      { class: "small", "aria-labelledby": "coder-title" },
      h("form", { method: "dialog" },
        h("h2", { id: "coder-title" }, "Who is coding?"),
        h("p", { class: "soft" }, "Every decision is logged under this name, in this tab."),
        h("label", { for: "coder-name" }, "Name"), input,
        h("p", { class: "buttons" }, h("button", { class: "primary" }, "Go on"))),
    );
    dialog.addEventListener("close", () => {
      const name = input.value.trim();
      dialog.remove();
      if (!name) return resolve(force ? coder() : askCoder());
      sessionStorage.setItem("coder", name);
      localStorage.setItem("coder", name);
      nameCoder();
      resolve(name);
    });
    document.body.append(dialog);
    dialog.showModal();
    input.select();
  });
}

function nameCoder() {
  $("coder").replaceChildren(coder() || "No coder");
}

// ---- keys -----------------------------------------------------------------------------------------------------------
const bindings = [];
// keys: "Enter", "a", "Shift+U", "Ctrl+z", "g e"; digits are taken by place, so they work on every keyboard.
export function bind(keys, what, run, group = "Here") {
  bindings.push({ keys: [keys].flat(), what, run, group });
}

export function keyOf(event) {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  let key = digit ? digit[1] : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.key === "?") key = "?";
  else if (event.shiftKey && (digit || event.key.length === 1 ? /[a-z0-9]/.test(key) : true)) key = "Shift+" + (key.length === 1 ? key.toUpperCase() : key);
  if (event.ctrlKey || event.metaKey) key = "Ctrl+" + key;
  if (event.altKey) key = "Alt+" + key;
  return key;
}

let chord = "";
document.addEventListener("keydown", (event) => {
  const writing = event.target.matches?.("input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable]");
  const key = keyOf(event);
  if (document.querySelector("dialog[open]") || event.isComposing) return;
  if (writing) {
    if (key === "Escape") event.target.blur();
    if (!key.startsWith("Ctrl+Enter")) return;
  }
  const full = chord ? `${chord} ${key}` : key;
  chord = "";
  if (key === "g" && full === "g") {
    chord = "g";
    setTimeout(() => (chord = ""), 1200);
    return;
  }
  // Enter and Space on a focused button or link press that, nothing else.
  if ((key === "Enter" || key === " ") && event.target.matches?.("button, a[href], summary, [role=option], [role=button]") && !event.target.matches("[data-keys-pass]")) return;
  const hit = bindings.find((b) => b.keys.includes(full));
  if (hit) {
    event.preventDefault();
    hit.run(event);
  }
});

export function button(label, key, run, attributes = {}) {
  return h("button", { type: "button", onclick: run, "aria-keyshortcuts": key || null, ...attributes }, label, key ? [" ", h("kbd", {}, key)] : null);
}

export function helpDialog() {
  const groups = {};
  for (const b of bindings) (groups[b.group] ??= []).push(b);
  const dialog = h(
    "dialog",
    { class: "keys", "aria-labelledby": "keys-title" },
    h("form", { method: "dialog" },
      h("h2", { id: "keys-title" }, "Keys"),
      Object.entries(groups).map(([name, list]) => [h("h3", {}, name), h("dl", {}, list.map((b) => h("div", {}, h("dt", {}, b.keys.map((k) => [h("kbd", {}, k), " "])), h("dd", {}, b.what))))]),
      h("p", { class: "buttons" }, h("button", { class: "primary" }, "Close"))),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// ---- theme ----------------------------------------------------------------------------------------------------------
const THEMES = ["", "light", "dark"];
function theme(next) {
  document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
  $("theme").title = next ? `Colours: ${next}` : "Colours: as the system";
}

export function start() {
  theme(localStorage.getItem("theme") || "");
  nameCoder();
  $("theme").addEventListener("click", () => theme(THEMES[(THEMES.indexOf(document.documentElement.dataset.theme || "") + 1) % 3]));
  $("coder").addEventListener("click", () => askCoder(true).then(() => location.reload()));
  $("help").addEventListener("click", helpDialog);
  bind("?", "These keys", helpDialog, "Everywhere");
  for (const [key, path, name] of [["e", "explore", "Explore"], ["c", "code", "Code"], ["a", "adjudicate", "Adjudicate"], ["p", "progress", "Progress"], ["f", "effect", "Effect"], ["x", "exchange", "Export and import"]])
    bind(`g ${key}`, name, () => (location.href = "/" + path), "Go to");
}

// ---- small parts of several views -----------------------------------------------------------------------------------
export function codeChip(code, title = "") {
  const mark = code.slice(-1) === "+" ? "plus" : code.slice(-1) === "-" ? "minus" : "";
  return h("span", { class: `code ${mark}`, title: title || null }, code.slice(-1) === "-" ? code.slice(0, -1) + "−" : code);
}

export const percent = (p) => (p === null || p === undefined ? "–" : p >= 0.995 ? "100 %" : p < 0.005 ? "0 %" : `${Math.round(100 * p)} %`);
export const number = (n) => Number(n).toLocaleString("en-GB");
export const clock = (iso) => (iso ? iso.slice(0, 10) + " " + iso.slice(11, 16) : "");

export function stateBadge(state) {
  return h("span", { class: `state ${state}` }, state);
}

export function safeLink(url, text) {
  return /^https?:\/\//i.test(url) ? h("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, text) : null;
}

export function codebookPanel(data, short = "") {
  const b = data.codebook;
  return h("div", { class: "codebook" }, h("h2", {}, "Codebook"),
    b.indicators.filter((i) => !short || i.short === short).map((i) => h("section", {},
      h("h3", {}, `${i.short} · ${i.name}`), h("p", { class: "question" }, i.question),
      h("dl", {}, i.values.map((v) => [h("dt", {}, codeChip(v.class), " ", v.value), h("dd", {}, v.definition)]), i.absent ? [h("dt", {}, "absent"), h("dd", {}, i.absent)] : null))),
    h("section", {}, h("h3", {}, "Rulings"), h("ol", {}, b.rulings.map((r) => h("li", {}, r)))),
    h("p", { class: "soft" }, `${b.name} ${b.version}`));
}

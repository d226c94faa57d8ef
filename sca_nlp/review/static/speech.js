// A whole speech: every sentence, flagged ones marked, and a strip that shows where they lie.
import { api, bind, button, codeChip, failed, h, main, number, percent, safeLink, show, start, stateBadge } from "/static/base.js";

start();
const { speech: id } = main().dataset;
const query = new URLSearchParams(location.search);
const passage = query.get("passage") || "";
const blind = query.has("blind");
const back = passage ? `/code?${new URLSearchParams({ queue: query.get("queue") || "explore", passage })}` : "/explore";
let flagged = [];
let current = -1;

// Blind coding stays blind here too: the passage itself is marked, its codes are not.
const codesOf = (s) => (blind && s.passage_id === passage ? [] : (s.decided ?? s.codes));

function jump(step) {
  if (!flagged.length) return;
  current = (current + step + flagged.length) % flagged.length;
  const element = document.getElementById(`s-${flagged[current].row}`);
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "center" });
}

function tone(codes) {
  const plus = codes.some((c) => c.endsWith("+")), minus = codes.some((c) => c.endsWith("-"));
  return plus && minus ? "both" : plus ? "plus" : minus ? "minus" : "";
}

try {
  const s = await api("speech", { params: { speech_id: id } });
  flagged = s.sentences.filter((x) => codesOf(x).length || x.passage_id === passage);
  current = flagged.findIndex((x) => x.passage_id === passage);
  show(h("article", { class: "speech" },
    h("header", {}, h("h2", {}, s.title || "Speech"), h("p", { class: "meta" }, h("b", {}, s.source_name), s.speaker ? ` · ${s.speaker}` : "", s.office ? `, ${s.office}` : "", ` · ${s.date}`, s.venue ? ` · ${s.venue}` : "", s.kind ? ` · ${s.kind}` : "", s.corpus ? ` · ${s.corpus}` : "", " ", safeLink(s.url || "", "source")),
      h("p", { class: "tools" }, `${number(s.sentences.length)} sentences, ${number(flagged.filter((x) => codesOf(x).length).length)} with codes `, button("Next flagged", "n", () => jump(1), { class: "quiet" }), button("Before", "p", () => jump(-1), { class: "quiet" }), passage ? button("Back to coding", "o", () => (location.href = back), { class: "quiet" }) : null)),
    h("nav", { class: "strip", "aria-label": "Where flagged sentences lie" }, flagged.map((x) => h("a", { href: `#s-${x.row}`, class: `${tone(codesOf(x))}${x.passage_id === passage ? " here" : ""}`, "left%": (100 * x.start) / Math.max(1, s.n_characters), "aria-label": `Sentence ${x.idx + 1}: ${codesOf(x).join(" ") || "no code"}`, title: codesOf(x).join(" ") }))),
    h("div", { class: "text", lang: s.language || null }, s.sentences.map((x) => {
      const codes = codesOf(x);
      const gap = x.before.includes("\n") ? h("span", { class: "para" }) : x.before ? " " : "";
      if (!codes.length && x.passage_id !== passage) return [gap, h("span", { class: "plain" }, x.text)];
      return [gap, h("a", { id: `s-${x.row}`, class: `flag ${tone(codes)}${x.passage_id === passage ? " here" : ""}`, href: x.passage_id === passage ? back : `/code?queue=explore&passage=${encodeURIComponent(x.passage_id)}`, title: codes.map((c) => `${c} ${percent(x.probabilities[c])}`).join(", ") + (codes.length && x.targets.length ? ` → ${x.targets.join(", ")}` : "") }, x.text), " ", codes.map((c) => codeChip(c)), !blind && ["coded", "adjudicated"].includes(x.state) ? stateBadge(x.state) : ""];
    }))));
  if (current >= 0) jump(0);
} catch (error) {
  failed(error);
}
bind("n", "Next flagged sentence", () => jump(1));
bind("p", "Flagged sentence before", () => jump(-1));
bind("o", "Back to coding", () => (location.href = back));

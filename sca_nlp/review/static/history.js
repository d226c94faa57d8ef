// The history of one passage: every event, oldest first.
import { api, clock, codeChip, failed, h, main, show, start } from "/static/base.js";

start();
const id = main().dataset.passage;
const say = (d) => (d ? [d.codes.length ? d.codes.map((c) => codeChip(c)) : "no code", d.targets.length ? ` → ${d.targets.join(", ")}` : "", ` (${d.status}${d.hard ? ", hard" : ""}${d.saw_model ? "" : ", blind"})`, d.comment ? h("q", {}, d.comment) : ""] : "nothing");
const cap = { edit: "key", confirm: "confirmed", skip: "skipped", comment: "comment", undo: "undo", redo: "redo", import: "imported" };

try {
  const { passage, events } = await api(`passage/${encodeURIComponent(id)}/history`);
  show(h("div", { class: "column" },
    h("blockquote", { class: "sentence" }, passage.text),
    h("p", { class: "meta" }, `${passage.source} · ${passage.speaker} · ${passage.date} · `, h("a", { href: `/code?queue=explore&passage=${encodeURIComponent(id)}` }, "Code it")),
    h("p", {}, "The model: ", passage.codes.length ? passage.codes.map((c) => codeChip(c)) : "no code"),
    events.length
      ? h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, ["When (UTC)", "Who", "What", "Was", "Is", "Stream", "Model", "Codebook"].map((t) => h("th", { scope: "col" }, t)))),
          h("tbody", {}, events.map((e) => h("tr", {}, h("td", { class: "num" }, clock(e.at) + e.at.slice(16, 19)), h("td", {}, e.coder, e.role === "adjudicator" ? " (adjudicating)" : ""), h("td", {}, cap[e.kind] || e.kind), h("td", {}, say(e.old)), h("td", {}, say(e.new)), h("td", {}, e.stream || "–", e.inclusion_probability ? ` p = ${e.inclusion_probability.toPrecision(3)}` : ""), h("td", { class: "mono" }, (e.model_digest || "–").slice(0, 8)), h("td", {}, e.codebook_version))))))
      : h("p", { class: "empty" }, "Nobody has decided anything on this passage yet.")));
} catch (error) {
  failed(error);
}

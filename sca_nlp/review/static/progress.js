// Progress: what is done, what is left, and how far coders agree.
import { api, bind, clock, codeChip, coder, failed, h, number, show, start } from "/static/base.js";
import { flush, tell } from "/static/outbox.js";

start();
tell();
flush();
const card = (n, text) => h("div", { class: "card" }, h("b", {}, typeof n === "number" ? number(n) : n), h("span", {}, text));
const figure = (f) => (f.value === null ? h("span", { class: "soft" }, `undefined: ${f.reason}`) : [minus(f.value), f.low === null ? h("span", { class: "soft" }, " no interval: too few") : h("span", { class: "soft" }, ` (${minus(f.low)} to ${minus(f.high)})`)]);
function minus(v) {
  return v.toFixed(2).replace("-", "−");
}
const table = (head, rows) => h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, head.map((t) => h("th", { scope: "col" }, t)))), h("tbody", {}, rows)));

try {
  const [p, a, events] = await Promise.all([api("progress", { params: { coder: coder() } }), api("agreement"), api("events")]);
  const share = p.audit_drawn ? p.audit_coded / p.audit_drawn : 0;
  show(h("div", { class: "column" },
    h("h2", {}, "Work done"),
    h("div", { class: "cards" }, card(p.coded + p.adjudicated, `of ${number(p.passages)} passages decided by a coder`), card(p.mine, "coded by you"), card(p.adjudicated, "adjudicated"), card(p.twice, "coded by two or more"), card(p.disputed, "disputed"), card(p.hard, "flagged as hard"), card(p.skipped, "skipped"), card(p.drafts, "begun, not confirmed")),
    h("p", { class: "soft" }, "Only what a coder confirmed counts. The model's suggestions and drafts do not. Coders: ", p.coders.join(", ") || "none yet", "."),
    h("h2", {}, "Random audit"),
    p.audit_drawn
      ? [h("div", { class: "meter", role: "progressbar", "aria-label": "Audit", "aria-valuenow": Math.round(100 * share), "aria-valuemin": 0, "aria-valuemax": 100 }, h("span", { "width%": 100 * share })), h("p", {}, `${number(p.audit_coded)} of ${number(p.audit_drawn)} drawn passages are coded. `, h("a", { href: "/code?queue=audit" }, p.audit_left_for_me ? `Go on (${number(p.audit_left_for_me)} left for you)` : "Draw more")),
          table(["Draw", "When", "Who", "Stratum", "Drawn", "Population", "Inclusion probability now"], p.draws.map((d) => h("tr", {}, h("td", {}, d.draw), h("td", {}, clock(d.at)), h("td", {}, d.coder), h("td", {}, d.stratum === "coded" ? "with a code of the model" : "without"), h("td", { class: "right" }, number(d.n)), h("td", { class: "right" }, number(d.population)), h("td", { class: "right" }, p.inclusion[d.stratum]?.toPrecision(3) ?? "–"))))]
      : h("p", {}, "Nothing is drawn yet. ", h("a", { href: "/code?queue=audit" }, "Draw a random audit")),
    h("h2", {}, "Agreement between coders"),
    h("p", { class: "soft" }, `Krippendorff's alpha (nominal) over ${number(a.n_twice)} passages that two or more have coded, with 95 % intervals. 1: full agreement; 0: no better than chance. Above 0.8 is firm, 0.67 to 0.8 tentative.`),
    table(["Indicator", "Alpha", "Passages"], a.alpha.map((r) => h("tr", {}, h("th", { scope: "row" }, r.name), h("td", {}, figure(r)), h("td", { class: "right" }, number(r.n))))),
    a.pairs.map((pair) => [h("h3", {}, `${pair.a} and ${pair.b}: F1 by class`), table(["Class", "F1", "Passages"], pair.classes.map((r) => h("tr", {}, h("td", {}, codeChip(r.name)), h("td", {}, figure(r)), h("td", { class: "right" }, number(r.n)))))]),
    h("h2", {}, "The model on the random audit"),
    h("p", { class: "soft" }, `${number(a.model.n)} audit passages. Counted as drawn (passages with a code are drawn more often), so precision-like; the corrected series weigh by inclusion probability.`),
    table(["Class", "F1", "Given by coders", "Given by the model"], a.model.classes.map((r) => h("tr", {}, h("td", {}, codeChip(r.name)), h("td", {}, figure(r)), h("td", { class: "right" }, number(r.n_gold)), h("td", { class: "right" }, number(r.n_model))))),
    h("h2", {}, "Last events"),
    events.length ? table(["When (UTC)", "Who", "What", "Passage", "Codes"], events.slice(0, 30).map((e) => h("tr", {}, h("td", {}, clock(e.at)), h("td", {}, e.coder), h("td", {}, e.kind), h("td", {}, h("a", { href: `/history/${encodeURIComponent(e.passage_id)}`, class: "mono" }, e.passage_id.slice(0, 16))), h("td", {}, e.new ? (e.new.codes.length ? e.new.codes.map((c) => codeChip(c)) : e.new.status) : "nothing")))) : h("p", { class: "soft" }, "None yet.")));
} catch (error) {
  failed(error);
}
bind("n", "Go on coding", () => (location.href = "/code"));

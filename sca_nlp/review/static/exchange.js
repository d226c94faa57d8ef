// Export and import.
import { api, bind, failed, h, number, show, start, toast, $ } from "/static/base.js";
import { flush, tell, waiting } from "/static/outbox.js";

start();
tell();
await flush();
const FILES = [["jsonl", "JSON lines", "comes back unchanged"], ["csv", "CSV", "for spreadsheets; cells that look like formulas are made harmless"], ["parquet", "Parquet", "exact, with types"], ["doccano", "doccano", ""], ["label_studio", "Label Studio", ""], ["argilla", "Argilla", ""], ["prodigy", "Prodigy", ""], ["audit", "Audit, for a run's config", "one decision a passage, with the inclusion probability reached"], ["training", "Corrections, for training", "one decision a passage, without the audit"], ["log", "Whole log, JSON lines", "every event: who, when, old, new, model, codebook, stream"], ["log_csv", "Whole log, CSV", ""]];

async function send(event) {
  event.preventDefault();
  const file = $("file").files[0];
  if (!file) return toast("Choose a file first", "error");
  const box = $("taken");
  box.replaceChildren(h("p", { class: "loading" }, "Reading …"));
  try {
    const r = await api("import", { bytes: await file.arrayBuffer(), params: { format: $("format").value } });
    box.replaceChildren(h("p", { role: "status" }, `${number(r.taken)} decisions taken in, ${number(r.known_already)} were here already, ${number(r.rejected)} rejected.`), r.rejects.length ? h("ul", {}, r.rejects.map((x) => h("li", {}, `line ${x.line}: ${x.reason}`, x.record ? h("q", { class: "soft" }, x.record) : ""))) : null || "");
  } catch (error) {
    box.replaceChildren(h("p", { class: "error", role: "alert" }, error.message));
  }
}

try {
  show(h("div", { class: "column two-up" },
    h("section", {}, h("h2", {}, "Export"), waiting() ? h("p", { class: "error" }, `${waiting()} keys have not reached the server yet and are not in an export.`) : null, h("p", { class: "soft" }, "One record for each coder and passage that was confirmed, with stream and inclusion probability. Drafts and suggestions are left out."), h("ul", { class: "files" }, FILES.map(([f, n, note]) => h("li", {}, h("a", { href: `/api/export/${f}`, download: true }, n), h("span", { class: "soft" }, note))))),
    h("section", {}, h("h2", {}, "Import"), h("p", { class: "soft" }, "Decisions that people made, here or in another tool. Records without a coder are suggestions: they are rejected, since suggestions are not work done. A decision that stands here already is never overwritten."),
      h("form", { onsubmit: send }, h("p", {}, h("label", { for: "format" }, "Form "), h("select", { id: "format" }, FILES.filter(([f]) => !["log_csv", "audit", "training"].includes(f)).map(([f, n]) => h("option", { value: f }, n)))), h("p", {}, h("label", { for: "file" }, "File "), h("input", { id: "file", type: "file" })), h("p", {}, h("button", { class: "primary" }, "Take in"))), h("div", { id: "taken" }))));
} catch (error) {
  failed(error);
}
bind("/", "Choose a file", () => $("file").focus());

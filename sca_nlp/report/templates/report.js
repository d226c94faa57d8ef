// Opens what is behind a point in a panel at the side. Without this file every point is a link to the same content below.
(function () {
  "use strict";
  var root = document.documentElement, panel = document.getElementById("panel");
  if (!panel || typeof panel.showModal !== "function") return;
  root.classList.add("js");
  var body = panel.querySelector(".body"), heading = panel.querySelector("h3"), current = null, from = null;

  function show(cell) {
    var copy = cell.cloneNode(true), marked = document.querySelectorAll("a.point.on"), i;
    copy.removeAttribute("id");
    copy.querySelectorAll("[id]").forEach(function (n) { n.removeAttribute("id"); });
    body.replaceChildren(copy);
    heading.textContent = cell.dataset.title;
    for (i = 0; i < marked.length; i++) marked[i].classList.remove("on");
    document.querySelectorAll('a.point[href="#' + CSS.escape(cell.id) + '"]').forEach(function (a) { a.classList.add("on"); });
    current = cell;
    if (!panel.open) panel.showModal();
    panel.scrollTop = 0;
  }
  function step(by) {
    if (!current) return;
    var all = Array.prototype.slice.call(current.closest(".cells").querySelectorAll(".behind"));
    var next = all[all.indexOf(current) + by];
    if (next) show(next);
  }
  document.addEventListener("click", function (event) {
    var link = event.target.closest ? event.target.closest("a") : null;
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    var href = link.getAttribute("href") || "";
    var meant = href.charAt(0) === "#" && href.length > 1 ? document.getElementById(href.slice(1)) : null;
    var cell = href.indexOf("#cell-") === 0 ? meant : null;
    if (!cell) {
      if (meant) unfold(meant); // also where the address does not change
      return;
    }
    event.preventDefault();
    from = link;
    show(cell);
  });
  document.querySelectorAll(".pick select").forEach(function (select) {
    select.addEventListener("change", function () {
      var cell = document.getElementById(select.value);
      from = select;
      if (cell) show(cell);
    });
  });
  panel.querySelector(".close").addEventListener("click", function () { panel.close(); });
  panel.querySelector(".before").addEventListener("click", function () { step(-1); });
  panel.querySelector(".after").addEventListener("click", function () { step(1); });
  panel.addEventListener("click", function (event) { if (event.target === panel) panel.close(); });
  panel.addEventListener("keydown", function (event) {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  // A link leads here, from this page or another: show what it means, also where it is folded.
  function unfold(meant) {
    for (var at = meant; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  }
  function arrive() {
    var meant = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!meant) return;
    if (!meant.classList.contains("behind")) { unfold(meant); meant.scrollIntoView(); }
    if (meant.classList.contains("behind")) { from = null; show(meant); }
  }
  window.addEventListener("hashchange", arrive);
  arrive();
  var opened = [];
  window.addEventListener("beforeprint", function () {
    opened = Array.prototype.filter.call(document.querySelectorAll("details.more:not(.raw)"), function (d) { return !d.open; });
    opened.forEach(function (d) { d.open = true; });
  });
  window.addEventListener("afterprint", function () { opened.forEach(function (d) { d.open = false; }); });
  panel.addEventListener("close", function () {
    document.querySelectorAll("a.point.on").forEach(function (a) { a.classList.remove("on"); });
    if (from && from.focus) from.focus({ preventScroll: true });
  });
})();

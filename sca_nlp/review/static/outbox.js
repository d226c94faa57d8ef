// The outbox: every key press goes in here first (the browser's own storage), then to the server, in order, one by one.
// It leaves the box only when the server has it on disk. Gone network, closed tab, restarted server: nothing is lost.
import { api, toast, $ } from "/static/base.js";

// One box a run: another run on the same port must not get these keys.
const BOX = `sca-outbox-${document.documentElement.dataset.run}`;
const REFUSED = `sca-refused-${document.documentElement.dataset.run}`;
const read = () => JSON.parse(localStorage.getItem(BOX) || "[]");
const write = (items) => localStorage.setItem(BOX, JSON.stringify(items));
let sending = null;
let retry = 0;
const listeners = { saved: () => {}, refused: () => {} };

export const onSaved = (f) => (listeners.saved = f);
export const onRefused = (f) => (listeners.refused = f);
export const waiting = () => read().length;
export const waitingFor = (passage, who, role = "coder") => read().filter((i) => i.body.passage_id === passage && i.body.coder === who && i.body.role === role);

export function tell(text = "", kind = "") {
  const box = $("saved");
  const n = waiting();
  box.className = `saved ${kind || (n ? "busy" : "ok")}`;
  box.replaceChildren(text || (n ? `Saving ${n} …` : "All saved"));
}

export function put(path, body) {
  write([...read(), { path, body }]);
  tell();
  return flush();
}

export function flush() {
  sending ??= drain().finally(() => (sending = null));
  return sending;
}

async function drain() {
  clearTimeout(retry);
  let last = null;
  for (;;) {
    const [item] = read();
    if (!item) break;
    try {
      last = await api(item.path, { body: item.body });
      write(read().filter((i) => i.body.key !== item.body.key));
      listeners.saved(last, item);
    } catch (error) {
      if (error.status === 0 || error.status === 401 || error.status >= 500) {
        const n = waiting();
        tell(error.status === 401 ? `Open the page again by its printed address; ${n} kept here` : `Server away: ${n} kept in this browser`, "away");
        retry = setTimeout(flush, 3000);
        return null;
      }
      // Refused for good: what built upon it cannot stand either. Kept aside, shown, never thrown away silently.
      const same = (i) => i.body.passage_id === item.body.passage_id && i.body.coder === item.body.coder && i.body.role === item.body.role;
      const lost = read().filter(same);
      localStorage.setItem(REFUSED, JSON.stringify([...JSON.parse(localStorage.getItem(REFUSED) || "[]"), ...lost].slice(-200)));
      write(read().filter((i) => !same(i)));
      toast(error.message, "error");
      listeners.refused(error, item);
    }
  }
  tell();
  return last;
}

window.addEventListener("online", flush);
window.addEventListener("pagehide", () => {
  // A last try while the tab closes; what does not arrive stays in the box for the next visit.
  const [item] = read();
  if (item && !sending) fetch("/api/" + item.path, { method: "POST", keepalive: true, credentials: "same-origin", headers: { "content-type": "application/json" }, body: JSON.stringify(item.body) }).catch(() => {});
});

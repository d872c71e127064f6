// What is fetched has four faces: not yet there, there, empty, and broken. One function shows them all.
import { h, replace } from "./dom.js";

const AGAIN_AFTER = 4000; // ms until something that is away is asked again

const skeleton = (lines) => h("div", { class: "skeleton", "aria-hidden": "true" },
  Array.from({ length: lines }, () => h("i")));

export const empty = (title, ...more) => h("div", { class: "empty" }, h("b", {}, title), ...more);

function trouble(error, again) {
  return h("div", { class: "trouble", role: "alert" },
    h("div", { class: "what" }, h("b", {}, error.away ? "Not reachable just now" : error.status === 404 ? "There is nothing here" : "That did not work"),
      error.message, error.away ? h("div", { class: "quiet" }, "Trying again by itself.") : null),
    error.status === 404 ? null : h("button", { type: "button", onclick: again }, "Try again"));
}

// A sheet that fetches and shows. options:
//   title, right (nodes in its head), lines (of the skeleton), signal, every (ms, 0 = never),
//   failed() (told when there is nothing to show), load(signal) → data, view(data) → nodes. view gets the same data only once; what did not change is
//   not drawn again. Returns the element; its reload() fetches now.
export function sheet({ title, count, right, lines = 4, signal, every = 0, load, view, label, failed }) {
  const body = h("div", {}, skeleton(lines));
  const number = h("span", { class: "count" });
  const node = h("section", { class: "sheet", "aria-label": label || title },
    title ? h("header", {}, h("h2", {}, title), number, right ? h("div", { class: "right" }, right) : null) : null, body);
  attach(node, body, { signal, every, load, broke: failed, view: (data) => {
    if (count) number.textContent = count(data);
    return view(data);
  } });
  return node;
}

// The same for a bare place of the page. before: what stands there in place of a skeleton.
export function place({ lines = 3, before, failed, ...rest }, node = h("div", {})) {
  replace(node, before ?? skeleton(lines));
  attach(node, node, { ...rest, broke: failed });
  return node;
}

// What stands below something that is still being fetched has its room, but is not seen, until that has
// found its own size: so nothing ever moves under the eye. Both are fetched at the same time.
const when = (come, node) => {
  node.classList.add("later");
  come.then(() => node.classList.remove("later"));
  return node;
};
export const below = (tops, node) => when(Promise.all(tops.map((t) => t.first)), node);
// The same for what is nothing without the other: while that cannot be shown, neither is this.
export const belongs = (top, node) => when(top.good, node);

function attach(node, body, { signal, every, load, view, broke }) {
  let shown, timer, running = false, again = false, first, good;
  node.first = new Promise((done) => { first = done; });
  node.good = new Promise((done) => { good = done; });
  const plan = (ms) => {
    clearTimeout(timer);
    if (ms && !signal.aborted) timer = setTimeout(() => (document.hidden ? plan(ms) : reload()), ms);
  };
  const failed = (error) => {
    if (shown === undefined || !error.away) {
      shown = undefined;
      replace(body, trouble(error, reload));
      broke?.();
    }
    first();
    node.classList.toggle("stale", shown !== undefined);
    plan(error.away ? AGAIN_AFTER : 0);
  };
  async function reload() {
    if (signal.aborted) return;
    if (running) { again = true; return; }
    running = true;
    try {
      const data = await load(signal);
      if (signal.aborted) return;
      const text = JSON.stringify(data);
      node.classList.remove("stale");
      if (text !== shown) { replace(body, view(data)); shown = text; }
      first();
      good();
      plan(every);
    } catch (error) {
      if (error.name === "AbortError" || signal.aborted) return;
      if (!(error.status >= 0)) console.error(error);
      failed(error);
    } finally {
      running = false;
      if (again) { again = false; reload(); }
    }
  }
  signal.addEventListener("abort", () => clearTimeout(timer));
  node.reload = reload;
  reload();
}

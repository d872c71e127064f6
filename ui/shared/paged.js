// A list that may be long: its first page is kept fresh, more comes on a click, and what the page holds is bounded.
import { h, setQuery } from "./dom.js";
import { sheet } from "./panel.js";

const MOST = 5000;      // rows kept on a page
const SIZES = [100, 400]; // of the first page, the second, and 1000 of each one after it

const n = (number) => number.toLocaleString("en");

export const refused = (error) => error.status === 400;

// options: title, right, signal, every, lines, wrong(error) (told what the server did not take, or null),
//   load(token, signal, size) → { rows, token, total (of all pages, when it is known) }, view(rows) → node, none() → node, state() (of what is drawn
//   beside the rows), narrow: what finds those beyond MOST.
// Returns the sheet; its restart() begins at the first page.
export function paged({ load, view, none, wrong, state, narrow = "Narrow the search to see the rest.", ...rest }) {
  let held = null, deep = 0;
  async function first(signal) {
    if (deep) return held;
    try {
      const got = await load(null, signal, SIZES[0]);
      wrong?.(null);
      return (held = { ...got, state: state?.() });
    } catch (error) {
      if (!wrong || !refused(error)) throw error;
      wrong(error);
      return (held = { rows: [], token: null, refused: error.message });
    }
  }
  async function more(button) {
    button.disabled = true;
    try {
      const got = await load(held.token, rest.signal, SIZES[++deep] ?? 1000);
      held = { ...held, rows: [...held.rows, ...got.rows], token: got.token };
      node.reload();
    } catch (error) {
      deep--;
      if (error.name === "AbortError") return;
      button.disabled = false;
      button.textContent = `Load more (${error.message})`;
    }
  }
  const foot = ({ rows, token, total }) => (!token ? null : h("div", { class: "empty" }, total ? h("span", {}, `${n(rows.length)} of ${n(total)} are shown`) : null, rows.length < MOST
    ? h("button", { type: "button", "data-key": "more", onclick: (event) => more(event.currentTarget) }, "Load more")
    : h("span", {}, `The first ${n(rows.length)} are shown. ${narrow}`)));
  const node = sheet({ ...rest, count: ({ rows, token, total }) => (!rows.length ? "" : total ? n(total) : `${n(rows.length)}${token ? "+" : ""}`), load: first,
    view: (data) => (data.refused ? h("div", {}) : data.rows.length ? h("div", {}, view(data.rows), foot(data)) : none()) });
  node.restart = () => { deep = 0; return node.reload(); };
  return node;
}

// A list's search box and the heads of its columns that sort it; both are kept in the address. held: q, the words;
// order, as the server takes it.
export function searched(params, { placeholder, label }, changed) {
  const held = { q: params.get("q") || "", order: params.get("order") || "" };
  const box = h("input", { type: "search", placeholder, "aria-label": label, "data-search": true, value: held.q,
    oninput: () => { held.q = box.value; setQuery({ q: held.q }); changed(); } });
  const sort = (key) => {
    held.order = held.order === `${key} ASC` ? `${key} DESC` : held.order === `${key} DESC` ? "" : `${key} ASC`;
    setQuery({ order: held.order });
    changed();
  };
  const sortable = (key, text, attrs = {}) => h("th", { ...attrs, "aria-sort": held.order === `${key} ASC` ? "ascending" : held.order === `${key} DESC` ? "descending" : null },
    h("button", { class: "sort", type: "button", "data-key": `sort-${key}`, title: `Sort by ${text.toLowerCase()}`, onclick: () => sort(key) }, text));
  return { box, held, sortable };
}

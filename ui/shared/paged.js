// A list that may be long: its first page is kept fresh, more comes on a click, and what the page holds is bounded.
import { h } from "./dom.js";
import { sheet } from "./panel.js";

const MOST = 2000; // rows kept on a page

export const refused = (error) => error.status === 400;

// options: title, right, signal, every, lines, wrong(error) (told what the server did not take, or null),
//   load(token, signal) → { rows, token }, view(rows) → node, none() → node, few: why there may be no more than MOST.
// Returns the sheet; its restart() begins at the first page.
export function paged({ load, view, none, wrong, narrow = "Narrow the search to see the rest.", ...rest }) {
  let held = null, deep = false;
  async function first(signal) {
    if (deep) return held;
    try {
      const got = await load(null, signal);
      wrong?.(null);
      return (held = got);
    } catch (error) {
      if (!wrong || !refused(error)) throw error;
      wrong(error);
      return (held = { rows: [], token: null, refused: error.message });
    }
  }
  async function more(button) {
    button.disabled = true;
    try {
      const got = await load(held.token, rest.signal);
      held = { rows: [...held.rows, ...got.rows], token: got.token };
      deep = true;
      node.reload();
    } catch (error) {
      if (error.name === "AbortError") return;
      button.disabled = false;
      button.textContent = `Load more (${error.message})`;
    }
  }
  const foot = ({ rows, token }) => (!token ? null : h("div", { class: "empty" }, rows.length < MOST
    ? h("button", { type: "button", "data-key": "more", onclick: (event) => more(event.currentTarget) }, "Load more")
    : h("span", {}, `The first ${rows.length.toLocaleString("en")} are shown. ${narrow}`)));
  const node = sheet({ ...rest, count: ({ rows, token }) => (rows.length ? `${rows.length.toLocaleString("en")}${token ? "+" : ""}` : ""), load: first,
    view: (data) => (data.refused ? h("div", {}) : data.rows.length ? h("div", {}, view(data.rows), foot(data)) : none()) });
  node.restart = () => { deep = false; return node.reload(); };
  return node;
}

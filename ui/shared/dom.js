// Elements without HTML strings: text is always text, so nothing needs escaping.
const SVG = "http://www.w3.org/2000/svg";

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else if (name === "value" || name === "checked") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((c) => c != null && c !== false));
  return node;
}

// h("a", {href, class}, "text", child, [more]); null and false children are left out.
export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);
export const svg = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

// Puts new children in, keeping the focus on what carries the same data-key. What is there already stays
// as it is, with its scroll.
export function replace(root, ...children) {
  const now = children.flat(Infinity).filter((c) => c != null && c !== false);
  if (now.length === root.childNodes.length && now.every((c, i) => c === root.childNodes[i])) return;
  const held = root.contains(document.activeElement) && document.activeElement.dataset?.key;
  root.replaceChildren(...now);
  if (held) root.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
}

// A page's address with its view in the query: page("run", {dag, run}). Always relative, so the
// pages work behind any port or prefix.
export function page(name, query = {}) {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(query)) if (v != null && v !== "") q.set(k, v);
  const text = q.toString();
  return (name === "home" ? "./" : name) + (text ? `?${text}` : "");
}

// Changes the query of the present page in place (no new entry in the history).
export function setQuery(changes) {
  const q = new URLSearchParams(location.search);
  for (const [k, v] of Object.entries(changes)) v == null || v === "" ? q.delete(k) : q.set(k, v);
  history.replaceState(history.state, "", q.size ? `?${q}` : location.pathname);
}

export function note(text, kind = "") {
  const box = document.getElementById("notes");
  const item = h("div", { class: `note ${kind}` }, text);
  box.append(item);
  while (box.children.length > 4) box.firstChild.remove();
  setTimeout(() => item.remove(), kind === "bad" ? 8000 : 4000);
}

// A dialogue with a form; resolves with the FormData, or null when it was closed.
export function ask(title, body, action) {
  return new Promise((resolve) => {
    const close = () => dialog.close();
    const dialog = h("dialog", { "aria-label": title },
      h("form", { method: "dialog", onsubmit: (e) => { dialog.answer = new FormData(e.target); } },
        h("h2", {}, title), body,
        h("div", { class: "row end" },
          h("button", { type: "button", onclick: close }, "Cancel"),
          h("button", { class: "primary" }, action))));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.answer || null); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// Text that copies itself on a click.
export const copyable = (text, label = text) => h("button", {
  class: "copy mono", type: "button", title: `Copy ${text}`,
  onclick: () => navigator.clipboard?.writeText(text).then(() => note("Copied"), () => {}),
}, label);

// The head of a page: where we are, what it is, what can be done.
export const head = (title, { crumb, sub, actions } = {}) => h("div", { class: "head" },
  h("div", { class: "titles" },
    crumb ? h("span", { class: "crumb" }, crumb) : null,
    h("h1", {}, title),
    sub ? h("div", { class: "sub" }, sub) : null),
  actions ? h("div", { class: "actions" }, actions) : null);

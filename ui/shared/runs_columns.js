// What a run says of itself besides metrics and parameters: who, from what, at which commit, which models.
import { h } from "./dom.js";
import { tagOf } from "./lineage.js";

const last = (path) => path.split(/[\\/]/).filter(Boolean).pop() || path;

// Logged models of today, and what older clients left in a tag.
function flavors(r) {
  try {
    const history = JSON.parse(tagOf(r.data.tags, "mlflow.log-model.history") || "[]");
    const names = history.flatMap((m) => Object.keys(m.flavors || {}).filter((f) => f !== "python_function"));
    if (names.length) return [...new Set(names)].join(", ");
  } catch { /* not ours to mend */ }
  const n = r.outputs?.model_outputs?.length || 0;
  return n ? `${n} model${n > 1 ? "s" : ""}` : undefined;
}

// key → its title, what a cell shows, and the whole of it.
export const ABOUT = {
  user: { label: "User", of: (r) => r.info.user_id || tagOf(r.data.tags, "mlflow.user") },
  source: { label: "Source", of: (r) => tagOf(r.data.tags, "mlflow.source.name"), show: last },
  version: { label: "Version", of: (r) => tagOf(r.data.tags, "mlflow.source.git.commit"), show: (v) => v.slice(0, 7) },
  model: { label: "Model", of: flavors },
};

export const aboutCell = (key, r) => {
  const { of, show } = ABOUT[key], value = of(r) || undefined;
  return h("td", { class: "v quiet wide", title: value }, value === undefined ? "" : show ? show(value) : value);
};

// The columns that somebody has chosen for an experiment stay chosen in this browser.
const place = (id) => `onebox.columns.${id}`;
export function remembered(id) {
  try { return localStorage.getItem(place(id))?.split(",").filter(Boolean) || null; } catch { return null; }
}
export function remember(id, list) {
  try { list ? localStorage.setItem(place(id), list.join(",")) : localStorage.removeItem(place(id)); } catch { /* a browser that keeps nothing */ }
}

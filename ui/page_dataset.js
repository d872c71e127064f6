// One evaluation dataset: its records, a page at a time.
import { h, page, replace, head, copyable, ask, note } from "./shared/dom.js";
import { tracking, may } from "./shared/api.js";
import { belongs, place, empty } from "./shared/panel.js";
import { paged } from "./shared/paged.js";
import { when } from "./shared/time.js";
import { recordsOf, tagsOf } from "./page_datasets.js";
import { go } from "./onebox.js";

const SHORT = 400;     // characters of a value in a row
const EXPERIMENTS = 5; // of its, named at its head

// One value is shown as it is, several by their names.
function cell(value, kind = "v") {
  const bare = value == null || (typeof value === "object" && !Object.keys(value).length);
  if (bare) return h("td", { class: kind }, h("span", { class: "faint" }, "—"));
  const one = (v) => { const text = typeof v === "string" ? v : JSON.stringify(v); return text.length > SHORT ? `${text.slice(0, SHORT)}…` : text; };
  if (typeof value !== "object" || Array.isArray(value)) return h("td", { class: kind }, one(value));
  return h("td", { class: kind }, Object.entries(value).slice(0, 12).map(([k, v]) => h("div", { class: "any" }, h("span", { class: "faint" }, `${k}: `), one(v))));
}

function source(r) {
  const trace = r.source?.source_data?.trace_id;
  const type = (r.source_type || r.source?.source_type || "").toLowerCase();
  return trace ? h("a", { href: page("trace", { id: trace }) }, "a trace") : type === "source_type_unspecified" ? "" : type;
}

const table = (list) => h("div", { class: "scroll" }, h("table", { class: "records" },
  h("thead", {}, h("tr", {}, h("th", {}, "Inputs"), h("th", {}, "Expected"), h("th", { class: "wide" }, "Outputs"), h("th", { class: "wide" }, "From"), h("th", { class: "wide" }, "Changed"))),
  h("tbody", {}, list.map((r) => h("tr", {}, cell(r.inputs), cell(r.expectations), cell(r.outputs, "v wide"), h("td", { class: "wide nowrap" }, source(r)), h("td", { class: "wide nowrap" }, when(Number(r.last_update_time) || null)))))));

export function mount(root, { signal, title, params }) {
  const id = params.get("id");
  let asked = null; // the head and the list ask at the same moment: once for both
  const dataset = () => (asked ??= tracking.dataset(id, signal).finally(() => { asked = null; }));
  const top = place({ lines: 2, signal, every: 15000, load: async (s) => {
    const [d, ids, write] = await Promise.all([dataset(), tracking.datasetExperiments(id, s).catch(() => []), may("user")]);
    return { d, ids, write, names: await tracking.names(ids.slice(0, EXPERIMENTS), s) };
  }, view: ({ d, ids, write, names }) => {
    title(d.name);
    const drop = async () => {
      if (!await ask(`Delete ${d.name}?`, h("p", {}, `Its ${(recordsOf(d) ?? 0).toLocaleString("en")} records go with it and cannot be brought back.`), "Delete")) return;
      await tracking.deleteDataset(id).then(() => { note("Deleted"); go(page("datasets")); }, (error) => note(error.message, "bad"));
    };
    return head(d.name, { crumb: h("a", { href: page("datasets") }, "Datasets"),
      sub: [h("span", {}, `${(recordsOf(d) ?? 0).toLocaleString("en")} records`), h("span", {}, "changed ", when(Number(d.last_update_time) || null)), d.created_by ? h("span", {}, `by ${d.created_by}`) : null,
        ids.length ? h("span", {}, "of ", ids.slice(0, EXPERIMENTS).map((x, i) => [i ? ", " : "", h("a", { href: page("experiment", { id: x }), class: "clip" }, names[x] === x ? `experiment ${x}` : names[x])])) : null, d.digest ? h("span", {}, "digest ", copyable(d.digest)) : null, copyable(id), tagsOf(d)],
      actions: write ? h("button", { type: "button", "data-key": "drop", onclick: drop }, "Delete") : null });
  } });
  const all = paged({ title: "Records", signal, every: 30000, lines: 6, view: table,
    load: async (token, s) => { const [got, d] = await Promise.all([tracking.records(id, token, s), token ? null : dataset()]); return { ...got, total: d && recordsOf(d) }; }, narrow: "A client reads them all: mlflow.genai.datasets.get_dataset().",
    none: () => empty("No records yet", h("pre", {}, `from mlflow.genai import datasets\nd = datasets.get_dataset(dataset_id="${id}")\nd.merge_records([{"inputs": {"question": "why?"}}])`)) });
  replace(root, top, belongs(top, h("div", { class: "stack" }, all)));
}

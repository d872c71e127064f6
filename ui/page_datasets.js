// Evaluation datasets: questions with what is expected of the answers.
import { h, page, replace, head } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { empty } from "./shared/panel.js";
import { paged } from "./shared/paged.js";
import { when } from "./shared/time.js";

export const readJson = (text, other) => { try { return typeof text === "string" ? JSON.parse(text) : text ?? other; } catch { return other; } };
export const recordsOf = (d) => readJson(d.profile, {})?.num_records;
export const tagsOf = (d) => Object.entries(readJson(d.tags, {}) || {}).filter(([k]) => !k.startsWith("mlflow."))
  .map(([k, v]) => h("span", { class: "tag", title: `${k}: ${v}` }, `${k}: ${v}`));

const table = (list) => h("div", { class: "scroll" }, h("table", { class: "long" },
  h("thead", {}, h("tr", {}, h("th", {}, "Dataset"), h("th", { class: "num" }, "Records"), h("th", { class: "wide" }, "Tags"), h("th", { class: "wide" }, "Made by"), h("th", {}, "Changed"))),
  h("tbody", {}, list.map((d) => h("tr", {},
    h("th", { scope: "row", class: "main" }, h("a", { href: page("dataset", { id: d.dataset_id }), "data-key": d.dataset_id }, d.name)),
    h("td", { class: "num" }, (recordsOf(d) ?? 0).toLocaleString("en")), h("td", { class: "wide" }, h("span", { class: "row tags" }, tagsOf(d).slice(0, 4))),
    h("td", { class: "wide" }, d.created_by || ""), h("td", { class: "nowrap" }, when(Number(d.last_update_time) || null)))))));

export function mount(root, { signal, title, params }) {
  title("Datasets");
  let wanted = params.get("q") || "";
  const box = h("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter datasets", "data-search": true, value: wanted,
    oninput: () => { wanted = box.value; all.restart(); } });
  const all = paged({ title: "Evaluation datasets", right: box, signal, every: 15000, lines: 5,
    load: (token, s) => tracking.datasets(wanted, token, s), view: table,
    none: () => (wanted ? empty(`No dataset is called “${wanted}”`) : empty("No evaluation datasets yet", h("span", {}, "Records that applications are measured by appear here:"),
      h("pre", {}, "from mlflow.genai import datasets\nd = datasets.create_dataset(name=\"questions\")\nd.merge_records([{\"inputs\": {\"question\": \"why?\"},\n  \"expectations\": {\"answer\": \"so\"}}])"))) });
  replace(root, head("Evaluation datasets"), h("div", { class: "stack" }, all));
}

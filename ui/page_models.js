// Registered models: what there is, which version stands for what.
import { h, page, replace, head } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { sheet, empty } from "./shared/panel.js";
import { when } from "./shared/time.js";

export const newest = (model) => (model.latest_versions || []).reduce((a, v) => Math.max(a, Number(v.version)), 0);

export const aliases = (model) => (model.aliases || []).map((a) => h("span", { class: "tag strong" }, `${a.alias} → ${a.version}`));

export function modelsTable(models) {
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", {}, "Model"), h("th", {}, "Aliases"), h("th", { class: "num" }, "Newest version"), h("th", { class: "wide" }, "Changed"))),
    h("tbody", {}, models.map((m) => h("tr", {},
      h("th", { scope: "row" }, h("a", { href: page("model", { name: m.name }) }, m.name), m.description ? h("div", { class: "quiet wide", style: { "font-weight": "400" } }, m.description) : null),
      h("td", {}, h("span", { class: "row" }, aliases(m))), h("td", { class: "num" }, newest(m) || "—"),
      h("td", { class: "wide nowrap" }, when(Number(m.last_updated_timestamp) || null)))))));
}

export function mount(root, { signal, title, params }) {
  title("Models");
  let wanted = params.get("q") || "";
  const box = h("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter models", "data-search": true, value: wanted,
    oninput: () => { wanted = box.value; all.reload(); } });
  const all = sheet({ title: "Registered models", count: (m) => m.length || "", right: box, signal, every: 15000, lines: 5,
    load: (s) => tracking.models(wanted ? `name ILIKE '%${wanted.replaceAll("'", "")}%'` : undefined, s),
    view: (models) => (models.length ? modelsTable(models) : wanted ? empty(`No model is called “${wanted}”`)
      : empty("No models yet", h("span", {}, "A model registered by a pipeline or a client appears here:"),
        h("pre", {}, "mlflow.register_model(\"runs:/RUN_ID/model\", \"iris\")"))) });
  replace(root, head("Models"), h("div", { class: "stack" }, all));
}

// Registered models: what there is, which version stands for what.
import { h, page, replace, head } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { empty } from "./shared/panel.js";
import { paged, searched } from "./shared/paged.js";
import { when } from "./shared/time.js";

export const newest = (model) => (model.latest_versions || []).reduce((a, v) => Math.max(a, Number(v.version)), 0);

export const aliases = (model) => (model.aliases || []).map((a) => h("span", { class: "tag strong" }, `${a.alias} → ${a.version}`));

const table = (models, sortable) => h("div", { class: "scroll" }, h("table", {},
  h("thead", {}, h("tr", {}, sortable("name", "Model"), h("th", {}, "Aliases"), h("th", { class: "num" }, "Newest version"), sortable("last_updated_timestamp", "Changed", { class: "wide" }))),
  h("tbody", {}, models.map((m) => h("tr", {},
    h("th", { scope: "row", class: "any" }, h("a", { href: page("model", { name: m.name }), "data-key": m.name }, m.name), m.description ? h("div", { class: "quiet wide", style: { "font-weight": "400" } }, m.description) : null),
    h("td", {}, h("span", { class: "row" }, aliases(m))), h("td", { class: "num" }, newest(m) || "—"),
    h("td", { class: "wide nowrap" }, when(Number(m.last_updated_timestamp) || null)))))));

export function mount(root, { signal, title, params }) {
  title("Models");
  const { box, held, sortable } = searched(params, { placeholder: "Filter by name", label: "Filter models" }, () => all.restart());
  const all = paged({ title: "Registered models", right: box, signal, every: 15000, lines: 5,
    state: () => held.order, load: (token, s, size) => tracking.models({ name: held.q, order: held.order, token, size }, s),
    view: (models) => table(models, sortable),
    none: () => (held.q ? empty(`No model is called “${held.q}”`)
      : empty("No models yet", h("span", {}, "A model registered by a pipeline or a client appears here:"),
        h("pre", {}, "mlflow.register_model(\"runs:/RUN_ID/model\", \"iris\")"))) });
  replace(root, head("Models"), h("div", { class: "stack" }, all));
}

// One registered model: its versions and where each of them comes from.
import { h, page, replace, head, copyable } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { place, empty } from "./shared/panel.js";
import { badge } from "./shared/state.js";
import { when } from "./shared/time.js";
import { aliases } from "./page_models.js";
import { origin, tagOf } from "./shared/lineage.js";

const LOOKED_UP = 20;

// Versions know their pipeline by their tags; of older ones the run knows it.
async function withOrigins(list, signal) {
  const unknown = list.filter((v) => v.run_id && !tagOf(v.tags, "onebox.dag_id")).slice(0, LOOKED_UP);
  const runs = await Promise.all(unknown.map((v) => tracking.run(v.run_id, signal).catch(() => null)));
  return list.map((v) => { const i = unknown.indexOf(v); return { ...v, from: i < 0 ? v.tags : runs[i]?.data.tags }; });
}

// The pipelines that its versions came of.
const pipelines = (list) => [...new Set(list.map((v) => tagOf(v.from, "onebox.dag_id")).filter(Boolean))].sort();

function top(m, list) {
  const dags = pipelines(list);
  return head(m.name, { crumb: h("a", { href: page("models") }, "Models"),
    sub: [aliases(m), dags.length ? h("span", {}, "from ", dags.map((dag, i) => [i ? ", " : "", h("a", { href: page("pipeline", { dag }) }, dag)])) : null,
      h("span", {}, "changed ", when(Number(m.last_updated_timestamp) || null)), m.description ? h("span", {}, m.description) : null,
      (m.tags || []).map((t) => h("span", { class: "tag" }, `${t.key}: ${t.value}`))] });
}

const versions = (name, model, list) => h("section", { class: "sheet", "aria-label": "Versions" }, h("header", {}, h("h2", {}, "Versions"), h("span", { class: "count" }, list.length || "")),
  list.length ? h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { class: "num fit" }, "Version"), h("th", {}, "Alias"), h("th", {}, "Made by"), h("th", { class: "wide" }, "State"), h("th", { class: "wide" }, "Source"), h("th", {}, "Registered"))),
    h("tbody", {}, list.map((v) => h("tr", {},
      h("td", { class: "num" }, h("b", {}, v.version)),
      h("td", {}, h("span", { class: "row" }, (model.aliases || []).filter((a) => String(a.version) === String(v.version)).map((a) => h("span", { class: "tag strong" }, a.alias)))),
      h("td", {}, v.run_id ? h("a", { href: page("training", { run: v.run_id }) }, h("span", { class: "mono" }, v.run_id.slice(0, 8))) : h("span", { class: "faint" }, "—"),
        origin(v.from) ? h("div", { class: "quiet" }, origin(v.from)) : null,
        v.user_id ? h("span", { class: "quiet" }, ` by ${v.user_id}`) : null),
      h("td", { class: "wide" }, badge(v.status)), h("td", { class: "wide" }, copyable(v.source || "")), h("td", { class: "nowrap" }, when(Number(v.creation_timestamp)))))))) : empty("No versions"));

// By its alias, which moves with what is in production, or else by its newest version; nothing loads a model without versions.
function use(m, list) {
  if (!list.length) return null;
  const alias = (m.aliases || [])[0]?.alias, uri = `models:/${m.name}${alias ? `@${alias}` : `/${list[0].version}`}`;
  return h("section", { class: "sheet", "aria-label": "Use it" }, h("header", {}, h("h2", {}, "Use it")),
    h("div", { class: "body" }, h("pre", {}, `import mlflow\nmodel = mlflow.pyfunc.load_model(${JSON.stringify(uri)})`)));
}

export function mount(root, { signal, title, params }) {
  const name = params.get("name");
  title(name);
  const all = place({ lines: 8, signal, every: 15000,
    load: async (s) => {
      const [model, list] = await Promise.all([tracking.model(name, s), tracking.versions(name, s)]);
      return { model, list: await withOrigins(list.sort((a, b) => Number(b.version) - Number(a.version)), s) };
    },
    view: ({ model, list }) => [top(model, list), h("div", { class: "stack" }, versions(name, model, list), use(model, list))] });
  replace(root, all);
}

// One registered model: its versions and where each of them comes from.
import { h, page, replace, head, copyable } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { place, sheet, empty } from "./shared/panel.js";
import { badge } from "./shared/state.js";
import { when } from "./shared/time.js";
import { aliases } from "./page_models.js";

export function mount(root, { signal, title, params }) {
  const name = params.get("name");
  title(name);
  const top = place({ lines: 2, signal, every: 15000, load: (s) => tracking.model(name, s), view: (m) => head(m.name, {
    crumb: h("a", { href: page("models") }, "Models"),
    sub: [aliases(m), h("span", {}, "changed ", when(Number(m.last_updated_timestamp) || null)), m.description ? h("span", {}, m.description) : null,
      (m.tags || []).map((t) => h("span", { class: "tag" }, `${t.key}: ${t.value}`))] }) });
  const versions = sheet({ title: "Versions", count: ({ list }) => list.length, signal, every: 15000, lines: 5,
    load: async (s) => {
      const [model, list] = await Promise.all([tracking.model(name, s), tracking.versions(name, s)]);
      return { model, list: list.sort((a, b) => Number(b.version) - Number(a.version)) };
    },
    view: ({ model, list }) => (list.length ? h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { class: "num fit" }, "Version"), h("th", {}, "Alias"), h("th", {}, "Made by"), h("th", { class: "wide" }, "State"), h("th", { class: "wide" }, "Source"), h("th", {}, "Registered"))),
      h("tbody", {}, list.map((v) => h("tr", {},
        h("td", { class: "num" }, h("b", {}, v.version)),
        h("td", {}, h("span", { class: "row" }, (model.aliases || []).filter((a) => String(a.version) === String(v.version)).map((a) => h("span", { class: "tag strong" }, a.alias)))),
        h("td", {}, v.run_id ? h("a", { href: page("training", { run: v.run_id }) }, h("span", { class: "mono" }, v.run_id.slice(0, 8))) : h("span", { class: "faint" }, "—"),
          v.user_id ? h("span", { class: "quiet" }, ` by ${v.user_id}`) : null),
        h("td", { class: "wide" }, badge(v.status)), h("td", { class: "wide" }, copyable(v.source || "")), h("td", { class: "nowrap" }, when(Number(v.creation_timestamp)))))))) : empty("No versions")) });
  const use = h("section", { class: "sheet", "aria-label": "Use it" }, h("header", {}, h("h2", {}, "Use it")),
    h("div", { class: "body" }, h("pre", {}, `import mlflow\nmodel = mlflow.pyfunc.load_model("models:/${name}@production")`)));
  replace(root, top, h("div", { class: "stack" }, versions, use));
}

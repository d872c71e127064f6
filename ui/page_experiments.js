// Experiments: what is tracked, the latest first.
import { h, page, replace, head } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { empty } from "./shared/panel.js";
import { paged, searched } from "./shared/paged.js";
import { when } from "./shared/time.js";

export function mount(root, { signal, title, params }) {
  title("Experiments");
  const { box, held, sortable } = searched(params, { placeholder: "Filter by name", label: "Filter experiments" }, () => all.restart());
  const all = paged({ title: "All experiments", right: box, signal, every: 15000, lines: 6,
    state: () => held.order, load: (token, s, size) => tracking.experiments({ name: held.q, order: held.order, token, size }, s),
    view: (list) => h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, sortable("name", "Experiment"), h("th", { class: "num fit" }, "ID"), h("th", { class: "wide" }, "Artifacts"), sortable("last_update_time", "Changed"))),
      h("tbody", {}, list.map((x) => h("tr", {},
        h("th", { scope: "row", class: "any" }, h("a", { href: page("experiment", { id: x.experiment_id }), "data-key": x.experiment_id }, x.name), note(x)),
        h("td", { class: "num faint" }, x.experiment_id), h("td", { class: "wide mono faint clip", style: { "max-width": "340px" } }, x.artifact_location),
        h("td", { class: "nowrap" }, when(Number(x.last_update_time) || null))))))),
    none: () => (held.q ? empty(`No experiment is called “${held.q}”`)
      : empty("No experiments yet", h("span", {}, "Point a client here and what it logs appears:"),
        h("pre", {}, "import mlflow\nmlflow.set_tracking_uri(\"http://127.0.0.1:5000\")\nmlflow.set_experiment(\"first\")\nmlflow.autolog()"))) });
  replace(root, head("Experiments"), h("div", { class: "stack" }, all));
}

function note(x) {
  const text = (x.tags || []).find((t) => t.key === "mlflow.note.content")?.value;
  return text ? h("div", { class: "quiet wide clip", style: { "font-weight": "400", "max-width": "640px" } }, text.split("\n")[0]) : null;
}

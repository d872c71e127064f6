// Experiments: what is tracked, the latest first.
import { h, page, replace, head } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { sheet, empty } from "./shared/panel.js";
import { when } from "./shared/time.js";

export function mount(root, { signal, title, params }) {
  title("Experiments");
  let wanted = params.get("q") || "";
  const box = h("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter experiments", "data-search": true, value: wanted,
    oninput: () => { wanted = box.value; all.reload(); } });
  const all = sheet({ title: "All experiments", count: (l) => l.length || "", right: box, signal, every: 15000, lines: 6,
    load: (s) => tracking.experiments(wanted ? `name ILIKE '%${wanted.replaceAll("'", "")}%'` : undefined, s),
    view: (list) => (list.length ? h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", {}, "Experiment"), h("th", { class: "num fit" }, "ID"), h("th", { class: "wide" }, "Artifacts"), h("th", {}, "Changed"))),
      h("tbody", {}, list.map((x) => h("tr", {},
        h("th", { scope: "row" }, h("a", { href: page("experiment", { id: x.experiment_id }) }, x.name), note(x)),
        h("td", { class: "num faint" }, x.experiment_id), h("td", { class: "wide mono faint clip", style: { "max-width": "340px" } }, x.artifact_location),
        h("td", { class: "nowrap" }, when(Number(x.last_update_time) || null))))))) : wanted ? empty(`No experiment is called “${wanted}”`)
      : empty("No experiments yet", h("span", {}, "Point a client here and what it logs appears:"),
        h("pre", {}, "import mlflow\nmlflow.set_tracking_uri(\"http://127.0.0.1:5000\")\nmlflow.set_experiment(\"first\")\nmlflow.autolog()"))) });
  replace(root, head("Experiments"), h("div", { class: "stack" }, all));
}

function note(x) {
  const text = (x.tags || []).find((t) => t.key === "mlflow.note.content")?.value;
  return text ? h("div", { class: "quiet wide clip", style: { "font-weight": "400", "max-width": "640px" } }, text.split("\n")[0]) : null;
}

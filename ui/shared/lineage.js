// What is tracked of pipelines: their runs, the models that came of them, and the way back from a model.
import { h, page } from "./dom.js";
import { tracking } from "./api.js";
import { empty } from "./panel.js";
import { mark, trackedName, word } from "./state.js";
import { number } from "./chart.js";
import { when } from "./time.js";

export const tagOf = (tags, key) => tags?.find((t) => t.key === key)?.value;
const quote = (s) => `'${s.replaceAll("'", "\\'")}'`;

// The runs of a pipeline, or of one of its runs, over all experiments; newest first.
export async function trackedRuns(dag, run, most, signal) {
  const filter = `tags.\`onebox.dag_id\` = ${quote(dag)}` + (run ? ` and tags.\`onebox.run_id\` = ${quote(run)}` : "");
  const { runs = [] } = await tracking.runs({ everywhere: true, max_results: most, order_by: ["attributes.start_time DESC"], filter }, signal);
  return runs;
}

export const trackedModels = (dag, signal) => tracking.search(`tags.\`onebox.dag_id\` = ${quote(dag)}`, signal)
  .then((all) => all.sort((a, b) => Number(b.creation_timestamp) - Number(a.creation_timestamp)));

// Metrics that people logged come before those that any task has.
const telling = (runs) => [...new Set(runs.flatMap((r) => (r.data.metrics || []).map((m) => m.key)))].filter((k) => !k.startsWith("training_") && !k.startsWith("system/"))
  .sort((a, b) => Number(a === "duration_seconds") - Number(b === "duration_seconds")).slice(0, 4);

const num = (i) => (i < 1 ? "num" : "num wide");

export function trackedTable(runs, { started } = {}) {
  const keys = telling(runs);
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", {}, "Name"), h("th", { class: "wide" }, "Task"), started ? h("th", { class: "wide" }, "Started") : null, keys.map((k, i) => h("th", { class: num(i) }, k)))),
    h("tbody", {}, runs.map((r) => h("tr", {},
      h("th", { scope: "row", class: "nowrap" }, mark(r.info.status, word(r.info.status)), " ", h("a", { href: page("training", { run: r.info.run_id }) }, trackedName(r.info))),
      h("td", { class: "wide quiet" }, tagOf(r.data.tags, "onebox.task_id")),
      started ? h("td", { class: "wide nowrap" }, when(Number(r.info.start_time))) : null,
      keys.map((k, i) => { const m = r.data.metrics?.find((x) => x.key === k); return h("td", { class: num(i) }, m ? number(m.value) : ""); }))))));
}

export const modelsList = (versions) => (versions.length ? h("ul", { class: "list" }, versions.map((v) =>
  h("li", {}, h("div", { class: "what" }, h("a", { href: page("model", { name: v.name }) }, `${v.name} version ${v.version}`), " ",
    (v.aliases || []).map((a) => h("span", { class: "tag strong" }, a))),
    h("div", { class: "aside" }, tagOf(v.tags, "onebox.task_id") ? h("span", {}, tagOf(v.tags, "onebox.task_id")) : null, when(Number(v.creation_timestamp)))))) : empty("No models"));

// "pipeline / task", to where it ran; null when the tags name none.
export function origin(tags) {
  const dag = tagOf(tags, "onebox.dag_id"), run = tagOf(tags, "onebox.run_id"), task = tagOf(tags, "onebox.task_id");
  return dag && run ? h("a", { href: page("run", { dag, run, task }) }, task ? `${dag} / ${task}` : dag) : null;
}

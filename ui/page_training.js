// One tracked run: what went in, what came out, and what it left behind.
import { h, page, replace, head, copyable } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { belongs, place, sheet, empty } from "./shared/panel.js";
import { badge, trackedName } from "./shared/state.js";
import { when, lasting } from "./shared/time.js";
import { lineChart, number } from "./shared/chart.js";
import { artifacts } from "./shared/artifacts.js";
import { origin, tagOf as tagIn } from "./shared/lineage.js";

const CHARTS = 12; // shown by themselves: each is a request

const tagOf = (run, key) => tagIn(run.data.tags, key);

const madeBy = (run) => { const link = origin(run.data.tags); return link ? h("span", {}, "from ", link) : null; };

// The run it is a part of: that of its task, or one the code has opened around it.
function parent(run) {
  const id = tagOf(run, "mlflow.parentRunId");
  return id ? h("span", {}, "part of ", h("a", { href: page("training", { run: id }) }, h("span", { class: "mono" }, id.slice(0, 8)))) : null;
}

// What was logged by itself (system.…, mlflow.…) is told apart from what the person tagged.
const tagRows = (run) => (run.data.tags || []).filter((t) => !t.key.startsWith("mlflow.log-model.")).sort((a, b) =>
  Number(a.key.startsWith("mlflow.")) - Number(b.key.startsWith("mlflow.")) || a.key.localeCompare(b.key));

const pairs = (rows, none) => (rows.length ? h("dl", { class: "keys" }, rows.flatMap(({ key, value }) => [h("dt", {}, key), h("dd", {}, copyable(String(value)))])) : empty(none));

const plain = (title, rows, none) => h("section", { class: "sheet", "aria-label": title },
  h("header", {}, h("h2", {}, title), h("span", { class: "count" }, rows.length || "")), pairs(rows, none));

// The points of these metrics. known: key → its last point and its history; what has no new last point has not grown.
async function histories(run, keys, known, signal) {
  const last = new Map((run.data.metrics || []).map((m) => [m.key, `${m.step} ${m.timestamp} ${m.value}`]));
  await Promise.all(keys.map(async (key) => {
    if (known.get(key)?.last === last.get(key)) return;
    const points = await tracking.history(run.info.run_id, key, signal);
    known.set(key, { last: last.get(key), points, figure: points.length > 1 ? chart({ key, points }) : null });
  }));
}

function chart({ key, points }) {
  const steps = new Set(points.map((p) => Number(p.step || 0)));
  const byStep = steps.size > 1;
  const start = Math.min(...points.map((p) => Number(p.timestamp)));
  const line = points.map((p) => ({ x: byStep ? Number(p.step || 0) : (Number(p.timestamp) - start) / 1000, y: Number(p.value) })).sort((a, b) => a.x - b.x);
  const values = line.map((p) => p.y).filter(Number.isFinite);
  return h("figure", {}, h("figcaption", {}, h("b", {}, key), h("span", { class: "num nowrap" }, number(line.at(-1).y),
    h("span", { class: "faint" }, `, of ${number(Math.min(...values))} to ${number(Math.max(...values))}`))), lineChart(line, { name: key, xName: byStep ? "step" : "s" }));
}

// The charts of the first metrics that have more than one point; more are asked for by a click.
function overTime(keys, shown, known, more) {
  const figures = keys.slice(0, shown).map((k) => known.get(k)?.figure).filter(Boolean);
  const left = keys.length - shown;
  if (!figures.length && left <= 0) return null;
  return h("section", { class: "sheet", "aria-label": "Charts" }, h("header", {}, h("h2", {}, "Over time"), h("span", { class: "count" }, figures.length || "")),
    h("div", { class: "charts" }, figures),
    left > 0 ? h("div", { class: "empty" }, h("button", { type: "button", "data-key": "more", onclick: more }, `Show ${Math.min(CHARTS, left)} more of ${left} metrics`)) : null);
}

export function mount(root, { signal, title, params }) {
  const id = params.get("run");
  const known = new Map(), files = artifacts(id, params.get("file"), signal);
  const fileSheet = sheet({ title: "Artifacts", signal, load: files.load, view: files.view, lines: 4 });
  let shown = CHARTS, again = false;
  const top = place({ lines: 3, signal, every: 5000, load: async (s) => {
    const run = await tracking.run(id, s), experiment = run.info.experiment_id;
    return { run, name: (await tracking.names([experiment], s))[experiment] };
  }, view: ({ run, name }) => {
    const { info } = run;
    title(trackedName(info));
    if (again) rest.reload();
    again = true;
    return head(trackedName(info), {
      crumb: [h("a", { href: page("experiments") }, "Experiments"), " / ", h("a", { href: page("experiment", { id: info.experiment_id }) }, name)],
      sub: [badge(info.status), h("span", {}, "started ", when(Number(info.start_time))), h("span", {}, lasting(Number(info.start_time), info.end_time ? Number(info.end_time) : null)),
        tagOf(run, "mlflow.user") ? h("span", {}, `by ${tagOf(run, "mlflow.user")}`) : null, madeBy(run), parent(run), copyable(id)] });
  } });

  // All that is sized by what it holds comes together; while the run goes on its numbers and lines grow.
  const rest = place({ lines: 8, signal, load: async (s) => {
    const run = await tracking.run(id, s);
    const keys = (run.data.metrics || []).map((m) => m.key).sort();
    const [versions] = await Promise.all([tracking.search(`run_id='${run.info.run_id}'`, s).catch(() => []), histories(run, keys.slice(0, shown), known, s)]);
    return { run, keys, versions, shown };
  }, view: ({ run, keys, versions }) => {
    const params1 = [...(run.data.params || [])].sort((a, b) => a.key.localeCompare(b.key));
    const metrics = keys.map((key) => ({ key, value: number(run.data.metrics.find((m) => m.key === key).value) }));
    rest.classList.remove("tall");
    return [overTime(keys, shown, known, (e) => { e.currentTarget.disabled = true; shown += CHARTS; rest.reload(); }),
      h("div", { class: "halves" }, plain("Metrics", metrics, "No metrics"), plain("Parameters", params1, "No parameters")), models(run, versions),
      fileSheet, data(run), plain("Tags", tagRows(run), "No tags")];
  } }, h("div", { class: "stack tall" }));
  replace(root, top, belongs(top, rest));
}

// The models this run made and the registered versions they became.
function models(run, versions) {
  const outputs = run.outputs?.model_outputs || [];
  if (!outputs.length && !versions.length) return null;
  return h("section", { class: "sheet", "aria-label": "Models" }, h("header", {}, h("h2", {}, "Models")), h("ul", { class: "list" },
    outputs.map((o) => h("li", {}, h("div", { class: "what" }, "Logged model ", copyable(o.model_id)))),
    versions.map((v) => h("li", {}, h("div", { class: "what" }, "Registered as ", h("a", { href: page("model", { name: v.name }) }, `${v.name} version ${v.version}`)),
      h("div", { class: "aside" }, (v.aliases || []).map((a) => h("span", { class: "tag strong" }, a)))))));
}

function data(run) {
  const inputs = run.inputs?.dataset_inputs || [];
  if (!inputs.length) return null;
  return h("section", { class: "sheet", "aria-label": "Data" }, h("header", {}, h("h2", {}, "Data")), h("ul", { class: "list" }, inputs.map(({ dataset, tags }) =>
    h("li", {}, h("div", { class: "what" }, h("b", {}, dataset.name), " ", (tags || []).map((t) => h("span", { class: "tag" }, t.value))),
      h("div", { class: "aside" }, h("span", {}, dataset.source_type), copyable(dataset.digest))))));
}

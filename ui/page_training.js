// One tracked run: what went in, what came out, and what it left behind.
import { h, page, replace, head, copyable } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { place, sheet, empty } from "./shared/panel.js";
import { badge } from "./shared/state.js";
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

async function histories(run, keys, signal) {
  const all = await Promise.all(keys.map((k) => tracking.history(run.info.run_id, k, signal)));
  return keys.map((key, i) => ({ key, points: all[i] })).filter((m) => m.points.length > 1);
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

// The first charts by themselves, the others when they are asked for.
function overTime(run, signal) {
  const box = h("div", {}), keys = (run.data.metrics || []).map((m) => m.key);
  const grid = h("div", { class: "charts" }), count = h("span", { class: "count" }), foot = h("div", {});
  let at = 0;
  async function next() {
    const some = keys.slice(at, at + CHARTS);
    let all;
    try { all = await histories(run, some, signal); } catch (error) {
      if (error.name !== "AbortError" && at) replace(foot, h("p", { class: "wrong" }, error.message));
      return;
    }
    at += some.length;
    grid.append(...all.map(chart));
    const left = keys.length - at;
    if (!grid.children.length && left) return next();
    if (!grid.children.length) return;
    count.textContent = grid.children.length;
    replace(foot, left ? h("div", { class: "empty" }, h("button", { type: "button", onclick: (e) => { e.currentTarget.disabled = true; next(); } }, `Show ${Math.min(CHARTS, left)} more of ${left} metrics`)) : null);
    if (!box.children.length) replace(box, h("section", { class: "sheet", "aria-label": "Charts" }, h("header", {}, h("h2", {}, "Over time"), count), grid, foot));
  }
  next();
  return box;
}

export function mount(root, { signal, title, params }) {
  const id = params.get("run");
  let built = false;
  const rest = h("div", { class: "stack" });
  const experiment = h("span", {}, "…");
  const top = place({ lines: 3, signal, every: 5000, load: (s) => tracking.run(id, s), view: (run) => {
    const { info } = run;
    title(info.run_name || id);
    build(run);
    return head(info.run_name || id, {
      crumb: [h("a", { href: page("experiments") }, "Experiments"), " / ", h("a", { href: page("experiment", { id: info.experiment_id }) }, experiment)],
      sub: [badge(info.status), h("span", {}, "started ", when(Number(info.start_time))), h("span", {}, lasting(Number(info.start_time), info.end_time ? Number(info.end_time) : null)),
        tagOf(run, "mlflow.user") ? h("span", {}, `by ${tagOf(run, "mlflow.user")}`) : null, madeBy(run), parent(run), copyable(id)] });
  } });

  function build(run) {
    const params1 = [...(run.data.params || [])].sort((a, b) => a.key.localeCompare(b.key));
    const metrics = [...(run.data.metrics || [])].sort((a, b) => a.key.localeCompare(b.key)).map((m) => ({ key: m.key, value: number(m.value) }));
    const numbers = h("div", { class: "halves" }, plain("Metrics", metrics, "No metrics"), plain("Parameters", params1, "No parameters"));
    if (built) { rest.children[1].replaceWith(numbers); return; }
    built = true;
    tracking.experiment(run.info.experiment_id, signal).then((x) => { experiment.textContent = x.name; }, () => { experiment.textContent = run.info.experiment_id; });
    const files = artifacts(id, params.get("file"), signal);
    const charts = overTime(run, signal);
    replace(rest, charts, numbers, models(run, signal),
      sheet({ title: "Artifacts", signal, load: files.load, view: files.view, lines: 4 }), data(run), plain("Tags", tagRows(run), "No tags"));
  }
  replace(root, top, rest);
}

// The models this run made and the registered versions they became.
function models(run, signal) {
  const box = h("div", {});
  const outputs = run.outputs?.model_outputs || [];
  (async () => {
    const quoted = `run_id='${run.info.run_id}'`;
    const versions = await tracking.search(quoted, signal).catch(() => []);
    if (!outputs.length && !versions.length) return;
    replace(box, h("section", { class: "sheet", "aria-label": "Models" }, h("header", {}, h("h2", {}, "Models")), h("ul", { class: "list" },
      outputs.map((o) => h("li", {}, h("div", { class: "what" }, "Logged model ", copyable(o.model_id)))),
      versions.map((v) => h("li", {}, h("div", { class: "what" }, "Registered as ", h("a", { href: page("model", { name: v.name }) }, `${v.name} version ${v.version}`)),
        h("div", { class: "aside" }, (v.aliases || []).map((a) => h("span", { class: "tag strong" }, a))))))));
  })();
  return box;
}

function data(run) {
  const inputs = run.inputs?.dataset_inputs || [];
  if (!inputs.length) return null;
  return h("section", { class: "sheet", "aria-label": "Data" }, h("header", {}, h("h2", {}, "Data")), h("ul", { class: "list" }, inputs.map(({ dataset, tags }) =>
    h("li", {}, h("div", { class: "what" }, h("b", {}, dataset.name), " ", (tags || []).map((t) => h("span", { class: "tag" }, t.value))),
      h("div", { class: "aside" }, h("span", {}, dataset.source_type), copyable(dataset.digest))))));
}

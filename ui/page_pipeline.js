// One pipeline: its tasks against its last runs, its shape, its errors.
import { h, page, replace, head } from "./shared/dom.js";
import { can, scheduler } from "./shared/api.js";
import { belongs, below, place, empty } from "./shared/panel.js";
import { live, ofDag } from "./shared/live.js";
import { graph, taskHref } from "./shared/dag.js";
import { grid } from "./shared/grid.js";
import { byKey, unfolded } from "./shared/instances.js";
import { badge, runName } from "./shared/state.js";
import { when, lasting } from "./shared/time.js";
import { importErrors, schedule } from "./page_pipelines.js";
import { trigger } from "./shared/trigger.js";
import { modelsList, trackedModels, trackedRuns, trackedTable } from "./shared/lineage.js";

const RUNS = 25;
const CELLS = 5000; // of the grid: a pipeline of very many tasks shows fewer runs
const TRACKED = 20;

// What has ended stays as it is, unless somebody clears it: then its end is another. Only the rest is
// asked again.
async function everything(dag, known, signal) {
  const [tasks, newest, errors] = await Promise.all([scheduler.tasks(dag, signal), scheduler.runs(dag, RUNS, signal), scheduler.importErrors(signal).catch(() => [])]);
  const runs = newest.slice(0, Math.max(3, Math.floor(CELLS / Math.max(1, tasks.length)))).reverse();
  const instances = await Promise.all(runs.map(async (r) => {
    const key = `${r.dag_run_id} ${r.state} ${r.end_date}`;
    if (known.has(key)) return known.get(key);
    const list = await scheduler.taskInstances(dag, r.dag_run_id, signal);
    if (r.end_date) known.set(key, list);
    return list;
  }));
  return { tasks, newest, runs, instances, errors: errors.filter((e) => (e.dag_ids || []).includes(dag) || e.filename?.includes(`/${dag}/`)) };
}

const section = (name, count, view) => h("section", { class: "sheet", id: name.toLowerCase(), "aria-label": name }, h("header", {}, h("h2", {}, name), h("span", { class: "count" }, count)), view);

export function mount(root, { signal, title, params }) {
  const dag = params.get("dag");
  title(dag);
  const held = { open: new Set(), left: null }, known = new Map();
  let data = null;
  const gridBox = h("div", {});
  const drawGrid = () => replace(gridBox, data.runs.length
    ? grid(dag, unfolded(data.tasks, data.instances.flat()), data.runs, new Map(data.runs.map((r, i) => [r.dag_run_id, byKey(data.instances[i])])), held, drawGrid)
    : empty("Never run", h("span", {}, "Run it now, or wait for its schedule.")));

  // To what stands below the runs; their room is kept before it is known that there is something.
  const ways = ["models", "tracked"].map((id) => h("button", { class: "link later", type: "button", "data-way": id, onclick: () => document.getElementById(id)?.scrollIntoView() }, id));
  const top = place({ lines: 2, signal, every: 30000, load: (s) => scheduler.dag(dag, s), view: (d) => head(d.dag_display_name || dag, {
    crumb: h("a", { href: page("pipelines") }, "Pipelines"),
    sub: [d.description ? h("span", {}, d.description) : null, h("span", { class: "mono" }, schedule(d)),
      h("span", {}, d.is_paused ? "paused" : d.next_dagrun_run_after ? ["next ", when(d.next_dagrun_run_after)] : "no next run"),
      d.owners?.length ? h("span", {}, `by ${d.owners.join(", ")}`) : null, (d.tags || []).map((t) => h("span", { class: "tag" }, t.name)),
      d.relative_fileloc || d.fileloc ? h("span", { class: "mono faint" }, d.relative_fileloc || d.fileloc) : null, ways],
    actions: can("user") && h("button", { class: "primary", type: "button", "data-key": "run", onclick: () => trigger(dag) }, "Run") }) });

  // What is sized by what is fetched comes all together: nothing of it pushes the rest away.
  const main = place({ signal, lines: 9, every: 30000, load: (s) => everything(dag, known, s), view: (d) => {
    data = d;
    main.classList.remove("tall");
    const last = d.runs.at(-1);
    drawGrid();
    return [d.errors.length ? importErrors(d.errors) : null,
      section("Tasks", last ? "with the states of the last run" : "", graph(unfolded(d.tasks, d.instances.at(-1) ?? []), { states: last ? byKey(d.instances.at(-1)) : null,
        href: (n) => (last ? taskHref(dag, last.dag_run_id, n) : page("pipeline", { dag })) })),
      section("Grid", "", gridBox), section("Runs", "", runsTable(dag, d.newest))];
  } }, h("div", { class: "stack tall" }));
  const traces = h("div", { class: "stack" });
  replace(root, top, belongs(top, h("div", { class: "stack" }, main, below([main], traces))));
  tracked(traces, ways, dag, signal);
  live(signal, () => { main.reload(); top.reload(); tracked(traces, ways, dag, signal); }, ofDag(dag));
}

// What it has tracked, and the models that came of it; nothing where there is none.
async function tracked(box, ways, dag, signal) {
  try {
    const [runs, models] = await Promise.all([trackedRuns(dag, null, TRACKED, signal), trackedModels(dag, signal)]);
    if (signal.aborted) return;
    const there = { models: models.length, tracked: runs.length };
    for (const way of ways) way.classList.toggle("later", !there[way.dataset.way]);
    replace(box, models.length ? section("Models", models.length, modelsList(models)) : null,
      runs.length ? section("Tracked", runs.length < TRACKED ? runs.length : `the last ${TRACKED}`, trackedTable(runs, { started: true })) : null);
  } catch { /* tracking is away: the pipeline is there all the same */ }
}

export const runsTable = (dag, runs) => (runs.length ? h("div", { class: "scroll" }, h("table", {},
  h("thead", {}, h("tr", {}, h("th", {}, "Run"), h("th", {}, "State"), h("th", { class: "wide" }, "ID"), h("th", {}, "Started"), h("th", { class: "num" }, "Took"))),
  h("tbody", {}, runs.map((r) => h("tr", {},
    h("th", { scope: "row" }, h("a", { href: page("run", { dag, run: r.dag_run_id }), title: r.dag_run_id }, runName(r))),
    h("td", { class: "fit" }, badge(r.state)), h("td", { class: "wide mono faint clip", style: { "max-width": "320px" } }, r.dag_run_id),
    h("td", { class: "nowrap" }, when(r.start_date ?? r.queued_at)), h("td", { class: "num" }, lasting(r.start_date, r.end_date))))))) : empty("No runs yet"));

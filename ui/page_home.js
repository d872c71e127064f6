// Now: is the box well, what runs, what needs somebody, what comes, and what came out lately.
import { h, page, replace, copyable } from "./shared/dom.js";
import { can, get, scheduler, tracking } from "./shared/api.js";
import { below, sheet, place, empty } from "./shared/panel.js";
import { live } from "./shared/live.js";
import { keyOf } from "./shared/instances.js";
import { mark, trackedName, word } from "./shared/state.js";
import { when, lasting, millis, clock, absolute } from "./shared/time.js";
import { number } from "./shared/chart.js";
import { size } from "./shared/artifacts.js";
import { pipelineRows, runsByDag, noPipelines } from "./page_pipelines.js";
import { trigger } from "./shared/trigger.js";

const DAY = 86400e3;
const AGAIN = ["up_for_retry", "interrupted"];

const fact = (name, ...value) => h("div", { class: "fact" }, h("span", {}, name), h("span", {}, value));
const metered = (...of) => { const f = fact(...of); f.classList.add("metered"); return f; };
const SOON = h.bind(null, "span", { class: "faint" }, "…");
// What stands in the strip before it is known how much: each has its place from the beginning.
const soon = () => [fact("Scheduler", SOON()), fact("Tracking", SOON()), ["Disk", "Memory", "Load"].map((n) => metered(n, SOON())), fact("Up since", SOON())];

// /ready answers 503 when something is away, and says what.
async function ready(signal) {
  const answer = await fetch("ready", { signal });
  return answer.json();
}

async function everything(signal) {
  const [dags, errors] = await Promise.all([scheduler.dags(signal), scheduler.importErrors(signal).catch(() => [])]);
  const runs = await runsByDag(dags, signal);
  const going = [...runs.values()].flat().filter((r) => r.state === "running" || r.state === "queued");
  const instances = await Promise.all(going.slice(0, 20).map((r) => scheduler.taskInstances(r.dag_id, r.dag_run_id, signal, ["running", ...AGAIN])));
  return { dags, runs: [...runs], errors, going, instances: instances.flat() };
}

const told = (answer) => (answer.status === "fulfilled" ? answer.value : null);

const meter = (part) => h("span", { class: "bar-meter", "aria-hidden": "true" }, h("i", { class: part > .9 ? "full" : "", style: { width: `${Math.round(part * 100)}%` } }));

// How full the machine is. What cannot be told is left out.
function boxFacts(b) {
  const share = (used, total, name, text) => (total > 0 ? metered(name, meter(used / total), text) : null);
  return [share(b.disk_used, b.disk_total, "Disk", `${size(b.disk_total - b.disk_used)} free`),
    share(b.memory_used, b.memory_total, "Memory", `${size(b.memory_used)} of ${size(b.memory_total)}`),
    share(Math.min(b.load, b.cpus), b.cpus, "Load", `${b.load.toFixed(1)} of ${b.cpus}`),
    b.booted_at ? fact("Up since", when(b.booted_at)) : null];
}

// The last run of each pipeline that ended badly, tasks that try again, files that cannot be read.
function needs({ dags, runs, errors, instances }) {
  const by = new Map(runs);
  const broken = dags.map((d) => by.get(d.dag_id)?.find((r) => r.state === "success" || r.state === "failed")).filter((r) => r?.state === "failed");
  const again = instances.filter((t) => AGAIN.includes(t.state));
  return { errors, broken, again, n: errors.length + broken.length + again.length };
}

const logHref = (t) => page("run", { dag: t.dag_id, run: t.dag_run_id, task: keyOf(t) });

function nowList({ going, instances }) {
  const running = instances.filter((t) => t.state === "running");
  const waiting = going.filter((r) => !running.some((t) => t.dag_run_id === r.dag_run_id && t.dag_id === r.dag_id));
  if (!going.length) return empty("Nothing is running");
  return h("ul", { class: "list" },
    running.map((t) => h("li", {}, mark("running"), h("div", { class: "what" }, h("a", { href: logHref(t) }, keyOf(t)), h("div", { class: "quiet" }, t.dag_id)),
      h("div", { class: "aside" }, lasting(t.start_date, null), t.try_number > 1 ? h("span", {}, `try ${t.try_number}`) : null))),
    waiting.map((r) => h("li", {}, mark(r.state), h("div", { class: "what" }, h("a", { href: page("run", { dag: r.dag_id, run: r.dag_run_id }) }, r.dag_id), h("div", { class: "quiet" }, r.dag_run_id)),
      h("div", { class: "aside" }, word(r.state)))));
}

function needList(n) {
  return h("ul", { class: "list" },
    n.errors.map((e) => h("li", {}, mark("failed"), h("div", { class: "what" }, h("b", { class: "mono" }, e.filename), h("div", { class: "quiet" }, e.stack_trace)), h("div", { class: "aside" }, when(e.timestamp)))),
    n.broken.map((r) => h("li", {}, mark("failed"), h("div", { class: "what" }, h("a", { href: page("run", { dag: r.dag_id, run: r.dag_run_id }) }, r.dag_id), h("div", { class: "quiet" }, "its last run failed")),
      h("div", { class: "aside" }, when(r.end_date), can("user") && h("button", { type: "button", "data-key": `again-${r.dag_id}`, onclick: () => trigger(r.dag_id) }, "Run again")))),
    n.again.map((t) => h("li", {}, mark(t.state), h("div", { class: "what" }, h("a", { href: logHref(t) }, `${t.dag_id} / ${keyOf(t)}`), h("div", { class: "quiet" }, t.note || word(t.state))), h("div", { class: "aside" }, t.next_try_at ? h("span", {}, "again ", when(t.next_try_at)) : null, `try ${t.try_number}`))));
}

function day(dags) {
  const now = Date.now();
  const due = dags.filter((d) => !d.is_paused && d.next_dagrun_run_after).map((d) => ({ d, at: millis(d.next_dagrun_run_after) }))
    .filter(({ at }) => at < now + DAY).sort((a, b) => a.at - b.at);
  const x = (at) => `${Math.max(0, Math.min(100, ((at - now) / DAY) * 100)).toFixed(2)}%`;
  const first = new Date(now);
  first.setMinutes(0, 0, 0);
  const ticks = Array.from({ length: 9 }, (_, i) => (i === 0 ? now : +first + i * 3 * 3600e3)).filter((t) => t <= now + DAY);
  return [h("div", { class: "day" }, h("div", { class: "axis" }),
    ticks.map((t, i) => h("span", { class: i % 2 ? "tick wide" : "tick", style: { left: x(t) } }, i ? clock(t) : "now")),
    due.map(({ d, at }) => h("a", { class: "due", style: { left: x(at) }, href: page("pipeline", { dag: d.dag_id }), title: `${d.dag_id}, ${absolute(at)}`, "aria-label": `${d.dag_id}, ${absolute(at)}` }))),
  due.length ? h("ul", { class: "list" }, due.slice(0, 4).map(({ d, at }) => h("li", {}, h("div", { class: "what" }, h("a", { href: page("pipeline", { dag: d.dag_id }) }, d.dag_id)),
    h("div", { class: "aside" }, h("span", { class: "num" }, clock(at)), when(at))))) : h("p", { class: "quiet", style: { padding: "0 14px 14px" } }, "No run is due in the next 24 hours.")];
}

const REST = ["status", "rows"];
const telling = (r) => (r.data.metrics || []).filter((m) => !m.key.startsWith("training_") && !m.key.startsWith("system/") && !REST.includes(m.key)).slice(0, 2);

async function latest(signal) {
  const { runs = [] } = await tracking.runs({ everywhere: true, max_results: 6, order_by: ["attributes.start_time DESC"] }, signal);
  return { runs, names: await tracking.names(runs.map((r) => r.info.experiment_id), signal) };
}

const latestList = ({ runs, names }) => (runs.length ? h("ul", { class: "list" }, runs.map((r) => h("li", {}, mark(r.info.status, word(r.info.status)),
  h("div", { class: "what" }, h("a", { href: page("training", { run: r.info.run_id }), class: "brief", title: r.info.run_name || null }, trackedName(r.info)),
    h("div", { class: "quiet" }, h("a", { class: "quiet", href: page("experiment", { id: r.info.experiment_id }) }, names[r.info.experiment_id]), " · ", when(Number(r.info.start_time)))),
  h("div", { class: "pairs" }, telling(r).flatMap((m) => [h("span", { class: "faint" }, m.key), h("span", { class: "num" }, number(m.value))])))))
  : empty("Nothing tracked yet", h("pre", {}, "mlflow.set_tracking_uri(\"http://127.0.0.1:5000\")")));

const modelList = ({ rows: models }) => (models.length ? h("ul", { class: "list" }, models.map((m) => h("li", {}, h("div", { class: "what" }, h("a", { href: page("model", { name: m.name }) }, m.name)),
  h("div", { class: "aside" }, (m.aliases || []).slice(0, 2).map((a) => h("span", { class: "tag strong" }, `${a.alias} → ${a.version}`)), when(Number(m.last_updated_timestamp) || null)))))
  : empty("No models yet"));

const serviceList = (services) => (services.length ? h("ul", { class: "list" }, services.map((s) => h("li", {}, h("div", { class: "what" }, h("b", {}, s.name),
  h("div", { class: "quiet" }, (s.endpoints || []).map((e) => h("span", { class: "mono" }, e.endpoint, " ")))),
  h("div", { class: "aside" }, s.port ? copyable(`http://127.0.0.1:${s.port}`, `:${s.port}`) : null)))) : empty("No services yet"));

const healthFacts = (r) => Object.entries(r.upstreams || {}).map(([name, text]) => fact(name.replace("onebox-", "").replace(/^./, (c) => c.toUpperCase()),
  mark(text === "ok" ? "success" : "failed", text), text === "ok" ? "well" : h("span", { title: text }, "away")));

function countFacts({ runs, instances }) {
  const since = Date.now() - DAY;
  const recent = runs.flatMap(([, r]) => r).filter((r) => millis(r.end_date) > since);
  const n = (state) => String(recent.filter((r) => r.state === state).length);
  return [fact("Running", String(instances.filter((t) => t.state === "running").length)),
    fact("Last 24 h", mark("success"), n("success"), n("failed") > 0 ? [mark("failed"), n("failed")] : null)];
}

const section = (name, count, ...body) => h("section", { class: "sheet", "aria-label": name },
  h("header", {}, h("h2", {}, name), h("span", { class: "count" }, count || "")), body);

function pipelineSide(d) {
  const n = needs(d);
  const pipelines = d.dags.length ? pipelineRows(d.dags, new Map(d.runs), true) : noPipelines();
  return [n.n ? section("Needs you", n.n, needList(n)) : null, section("Now", "", nowList(d)), section("Pipelines", d.dags.length, pipelines),
    section("Next 24 hours", "", day(d.dags))];
}

export function mount(root, { signal, title }) {
  title("");
  const counts = h("div", { class: "facts" }, fact("Running", SOON()), fact("Last 24 h", SOON()));
  // What belongs together comes together, so that nothing moves once it is there.
  const strip = place({ before: soon(), signal, every: 10000, load: async (s) => (await Promise.allSettled([ready(s), get("api/onebox/v1/box", {}, s)])).map(told),
    view: ([health, machine]) => [health ? healthFacts(health) : fact("onebox", mark("failed"), "away"), machine ? boxFacts(machine) : null] }, h("div", { class: "facts" }));
  const side = place({ lines: 8, signal, every: 20000, load: everything, failed: () => replace(counts), view: (d) => {
    side.classList.remove("tall");
    replace(counts, countFacts(d));
    return pipelineSide(d);
  } }, h("div", { class: "stack tall" }));
  const lately = sheet({ title: "Tracked lately", lines: 5, signal, every: 10000, load: latest, view: latestList });
  const models = sheet({ title: "Models", lines: 2, signal, every: 20000, load: (s) => tracking.models({ order: "last_updated_timestamp DESC", size: 6 }, s), count: (m) => m.total || "", view: modelList });
  const services = sheet({ title: "Services", lines: 2, signal, every: 30000, load: (s) => scheduler.services(s), view: serviceList });
  replace(root, h("h1", { class: "hidden" }, "Now"), h("section", { class: "sheet strip", "aria-label": "The box" }, strip, counts),
    h("div", { class: "cols" }, side, below([side], h("div", { class: "stack" }, lately, below([lately], models), below([lately, models], services)))));
  live(signal, side.reload);
}

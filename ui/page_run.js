// One run: what each task does, as it does it, and what it says.
import { ask, h, note, page, replace, head, setQuery, copyable } from "./shared/dom.js";
import { can, scheduler } from "./shared/api.js";
import { belongs, below, place } from "./shared/panel.js";
import { live, ofDag } from "./shared/live.js";
import { fold, graph } from "./shared/dag.js";
import { byKey, keyOf, unfolded } from "./shared/instances.js";
import { badge, over, runName, summary, word } from "./shared/state.js";
import { when, lasting } from "./shared/time.js";
import { logView } from "./shared/logview.js";
import { trigger } from "./shared/trigger.js";
import { trackedRuns, trackedTable } from "./shared/lineage.js";

const ROWS = 200; // of the table of tasks, until all are asked for
const WAITING = [null, "none", "scheduled", "queued", "up_for_retry", "interrupted", "deferred"];

export function mount(root, { signal, title, params }) {
  const dag = params.get("dag"), run = params.get("run");
  let task = params.get("task"), chosenTry = params.get("try"), instances = new Map(), logStop = null, logKey = "";
  title(`${dag}, ${run}`);
  const log = h("section", { class: "sheet pinned", "aria-label": "Log" });
  const shape = h("section", { class: "sheet", "aria-label": "Order of the tasks" });

  const top = place({ lines: 2, signal, every: 15000, load: (s) => scheduler.run(dag, run, s), view: (r) => head(runName(r), {
    crumb: [h("a", { href: page("pipelines") }, "Pipelines"), " / ", h("a", { href: page("pipeline", { dag }) }, dag)],
    sub: [badge(r.state), r.start_date ? h("span", {}, "started ", when(r.start_date)) : h("span", {}, "not started"), h("span", {}, lasting(r.start_date, r.end_date)),
      h("span", { class: "faint" }, copyable(r.dag_run_id)),
      r.conf && Object.keys(r.conf).length ? copyable(JSON.stringify(r.conf)) : null, r.note ? h("span", {}, r.note) : null],
    actions: can("user") && [deeds(r), h("button", { type: "button", "data-key": "again", onclick: () => trigger(dag, r.conf && Object.keys(r.conf).length ? JSON.stringify(r.conf, null, 2) : "") }, "Run again")] }) });

  // What is asked of the scheduler, said when it is refused; what follows is seen by itself.
  async function deed(button, what, said) {
    button.disabled = true;
    try { await what(); note(said); } catch (error) { note(error.message, "bad"); }
    button.disabled = false;
    top.reload();
    tasks.reload();
  }

  // Failed, or never begun because of it: a stopped run leaves the rest of its tasks skipped.
  const undone = () => [...instances.values()].filter((ti) => ["failed", "upstream_failed", "skipped"].includes(ti.state)).map(keyOf);

  function deeds(r) {
    if (r.state === "failed") {
      return h("button", { class: "primary", type: "button", "data-key": "retry", onclick: (e) => deed(e.target, () => scheduler.retry(dag, run, undone()), "What did not succeed runs again") }, "Retry what failed");
    }
    if (r.state !== "running" && r.state !== "queued") return null;
    return h("button", { type: "button", "data-key": "stop", onclick: async (e) => {
      const sure = await ask("Stop this run?", h("p", {}, "Its tasks are told to end now. What has not started does not start any more, and the run counts as failed."), "Stop it");
      if (sure) deed(e.target, () => scheduler.stop(dag, run), "The run is stopped");
    } }, "Stop");
  }

  const choose = (id, number = null) => {
    task = id;
    chosenTry = number;
    setQuery({ task, try: number });
    draw();
  };
  // Of very many those that match, the first of them, and the chosen one always.
  let wanted = "", most = ROWS;
  const box = h("input", { type: "search", placeholder: "Name or state", "aria-label": "Filter tasks", oninput: () => { wanted = box.value.toLowerCase(); replace(all, table(draw.shape)); } });
  const allOfThem = () => { most = Infinity; replace(all, table(draw.shape)); };
  const all = h("div", {});
  const parts = [shape, h("div", { class: "split" }, h("section", { class: "sheet", "aria-label": "Tasks" }, h("header", {}, h("h2", {}, "Tasks"), h("div", { class: "right" }, box)), all), log)];
  const tasks = place({ lines: 8, signal, every: 15000,
    load: async (s) => {
      const [shape, states] = await Promise.all([scheduler.tasks(dag, s), scheduler.taskInstances(dag, run, s)]);
      return { shape, states };
    },
    view: (d) => {
      instances = byKey(d.states);
      draw.shape = unfolded(d.shape, d.states);
      draw();
      tasks.classList.remove("tall");
      return parts;
    } }, h("div", { class: "stack tall" }));

  function pick(shape) {
    const ids = fold(shape).flatMap((n) => n.members);
    const first = (want) => ids.find((id) => want(instances.get(id)?.state));
    return first((s) => s === "failed") ?? first((s) => s === "running") ?? ids.findLast((id) => instances.get(id)?.try_number > 0) ?? ids[0];
  }

  const worst = (n) => {
    const states = n.members.map((id) => instances.get(id)?.state ?? null), state = summary(states);
    return n.members[Math.max(0, states.findIndex((s) => (s ?? "none") === (state ?? "none")))];
  };

  function draw() {
    if (!draw.shape.some((t) => t.task_id === task)) { // none is named, or one that has become its instances
      const node = fold(draw.shape).find((n) => n.id === task);
      task = node ? worst(node) : pick(draw.shape);
    }
    const before = shape.firstChild, seen = before && [before.scrollLeft, before.scrollTop];
    replace(shape, graph(draw.shape, { states: instances, chosen: task, href: (n) => page("run", { dag, run, task: worst(n) }) }));
    seen ? shape.firstChild.scrollTo(...seen) : requestAnimationFrame(() => showChosen(shape.firstChild));
    replace(all, table(draw.shape));
    drawLog();
  }

  // A click on a node stays on this page: only what is shown below changes.
  root.addEventListener("click", (event) => {
    const a = event.target.closest("a[href]");
    const to = a && new URLSearchParams((a.getAttribute("href") || "").split("?")[1]);
    if (!to || to.get("run") !== run || !to.get("task")) return;
    event.preventDefault();
    choose(to.get("task"));
    if (!matchMedia("(min-width: 1001px)").matches) log.scrollIntoView({ block: "nearest", behavior: "smooth" });
  });

  const line = (shape, id) => {
    const ti = instances.get(id) || {};
    return h("tr", { "aria-current": id === task ? "true" : null },
      h("th", { scope: "row" }, h("a", { href: page("run", { dag, run, task: id }), "data-key": `task-${id}` }, id), " ", rendered(shape, id)),
      h("td", { class: "fit" }, badge(ti.state), ti.next_try_at && !over(ti.state) ? h("div", { class: "quiet" }, "again ", when(ti.next_try_at)) : null), h("td", { class: "num nowrap" }, ti.start_date ? lasting(ti.start_date, ti.end_date ?? (over(ti.state) ? ti.start_date : null)) : null),
      h("td", { class: "num wide" }, ti.try_number || ""));
  };

  function table(shape) {
    const ids = fold(shape).flatMap((n) => n.members);
    box.hidden = ids.length <= ROWS;
    const found = ids.filter((id) => `${id} ${word(instances.get(id)?.state)}`.toLowerCase().includes(wanted));
    const some = found.filter((id, i) => i < most || id === task);
    return [h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", {}, "Task"), h("th", {}, "State"), h("th", { class: "num" }, "Took"), h("th", { class: "num fit wide" }, "Try"))),
      h("tbody", {}, some.map((id) => line(shape, id))))),
    found.length > some.length ? h("p", { class: "more" }, h("button", { type: "button", onclick: allOfThem }, `All ${found.length} tasks`)) : null];
  }

  function drawLog() {
    const ti = instances.get(task);
    const tries = Math.max(1, ti?.try_number || 1);
    const number = Math.min(tries, Number(chosenTry) || tries);
    const key = `${task} ${number} ${tries} ${explained(ti?.state)}`;
    if (key === logKey) return;
    logKey = key;
    logStop?.abort();
    logStop = new AbortController();
    signal.addEventListener("abort", () => logStop.abort());
    const growing = () => { const now = instances.get(task); return number === Math.max(1, now?.try_number || 1) && !over(now?.state); };
    const [header, box] = logView({ dag, run, task, number, growing }, logStop.signal);
    header.firstChild.textContent = task;
    if (tries > 1) header.firstChild.after(h("div", { class: "tabs", role: "group", "aria-label": "Tries" }, Array.from({ length: tries }, (_, i) =>
      h("button", { type: "button", "aria-pressed": String(i + 1 === number), onclick: () => choose(task, i + 1) }, `try ${i + 1}`))));
    if (explained(ti?.state)) header.append(why(logStop.signal, over(ti?.state) ? 0 : 4000));
    if (ti?.note) header.append(h("p", { class: "quiet", style: { width: "100%" } }, ti.note));
    replace(log, header, box);
  }

  // The scheduler's own words for what a task waits for, or why it failed.
  const explained = (state) => WAITING.includes(state ?? null) || state === "failed" || state === "upstream_failed";
  const why = (until, every) => place({ lines: 0, signal: until, every, load: (s) => scheduler.why(dag, run, task, s).catch((error) => ({ text: error.away ? "" : error.message })),
    view: (answer) => h("span", {}, answer.text) }, h("p", { class: "why" }));

  const trainings = h("div", {});
  replace(root, top, belongs(top, h("div", { class: "stack" }, tasks, below([tasks], trainings))));
  linked(trainings, dag, run, signal);
  live(signal, () => { tasks.reload(); top.reload(); linked(trainings, dag, run, signal); }, ofDag(dag));
}

// A large graph begins where the chosen task is.
function showChosen(box) {
  const node = box.querySelector(".chosen rect");
  if (!node) return;
  const [at, all] = [node.getBoundingClientRect(), box.getBoundingClientRect()];
  if (at.right > all.right || at.bottom > all.bottom) box.scrollBy(at.left + at.width / 2 - all.left - all.width / 2, at.top + at.height / 2 - all.top - all.height / 2);
}

// What a matrix task was given, shown beside its name.
function rendered(shape, id) {
  const t = shape.find((x) => x.task_id === id);
  const values = t?.params && Object.entries(t.params);
  return values?.length ? h("span", { class: "faint", style: { "font-weight": "400" } }, values.map(([k, v]) => `${k}=${v?.value ?? v}`).join(" ")) : null;
}

// What this run has tracked.
async function linked(box, dag, run, signal) {
  try {
    const runs = await trackedRuns(dag, run, 200, signal);
    if (runs.length) replace(box, h("section", { class: "sheet", "aria-label": "Tracked" },
      h("header", {}, h("h2", {}, "Tracked by this run"), h("span", { class: "count" }, runs.length)), trackedTable(runs)));
  } catch (error) {
    if (error.name !== "AbortError") replace(box);
  }
}

// Tasks down, runs across: what happened, at a glance.
import { h, page } from "./dom.js";
import { fold } from "./dag.js";
import { mark, summary, tone, word } from "./state.js";
import { absolute, millis, span } from "./time.js";

const TALLEST = 56; // px of the longest run's bar

const lengthOf = (run) => {
  const [a, b] = [millis(run.start_date), millis(run.end_date)];
  return a == null ? 0 : (b ?? Date.now()) - a;
};

function column(dag, run, longest) {
  const ms = lengthOf(run);
  const at = millis(run.start_date ?? run.queued_at ?? run.run_after);
  const text = `${run.dag_run_id}: ${word(run.state)}${ms ? `, ${span(ms)}` : ""}${at ? `, ${absolute(at)}` : ""}`;
  return h("a", { class: "column", href: page("run", { dag, run: run.dag_run_id }), title: text, "aria-label": text },
    h("i", { class: `s-${tone(run.state)}`, style: { height: `${Math.max(3, (ms / longest) * TALLEST)}px` } }));
}

function cell(dag, run, taskId, instance) {
  const state = instance?.state ?? null;
  const text = `${taskId}, ${run.dag_run_id}: ${word(state)}`;
  return h("a", { class: "cell", href: page("run", { dag, run: run.dag_run_id, task: taskId }), title: text }, mark(state, text));
}

// instances: Map run id → Map task id → instance. held, kept by the caller: open, the Set of unfolded nodes; left, how far
// it is scrolled, null at the newest run.
export function grid(dag, tasks, runs, instances, held, redraw) {
  const longest = Math.max(1, ...runs.map(lengthOf));
  const of = (run, task) => instances.get(run.dag_run_id)?.get(task);
  const rows = [];
  for (const n of fold(tasks)) {
    const isOpen = held.open.has(n.id);
    const flip = () => { isOpen ? held.open.delete(n.id) : held.open.add(n.id); redraw(); };
    rows.push(h("div", { class: "task" },
      h("div", { class: "name", title: n.tasks[0].doc_md || n.id },
        n.many ? h("button", { class: "twist", type: "button", "data-key": `fold-${n.id}`, "aria-expanded": String(isOpen),
          "aria-label": `${isOpen ? "Fold" : "Unfold"} ${n.id}`, onclick: flip }, isOpen ? "▾" : "▸") : null,
        h("span", { class: "clip" }, n.id), n.many ? h("span", { class: "faint" }, `× ${n.members.length}`) : null),
      runs.map((run) => n.many ? many(dag, run, n, of) : cell(dag, run, n.id, of(run, n.id)))));
    if (n.many && isOpen) for (const id of n.members) {
      rows.push(h("div", { class: "task" }, h("div", { class: "name in" }, h("span", { class: "clip" }, id)),
        runs.map((run) => cell(dag, run, id, of(run, id)))));
    }
  }
  const box = h("div", { class: "scroll" }, h("div", { class: "grid", role: "group", "aria-label": "Tasks by runs",
    style: { "grid-template-columns": `max-content repeat(${runs.length}, 24px) 1fr` } },
    h("div", { class: "task" }, h("div", { class: "name quiet" }, runs.length === 1 ? "Last run" : `Last ${runs.length} runs`), runs.map((r) => column(dag, r, longest)), h("div")),
    rows.map((r) => (r.append(h("div")), r))));
  requestAnimationFrame(() => {
    box.scrollLeft = held.left ?? box.scrollWidth;
    box.addEventListener("scroll", () => { held.left = box.scrollLeft + box.clientWidth < box.scrollWidth - 4 ? box.scrollLeft : null; }, { passive: true });
  });
  return box;
}

function many(dag, run, n, of) {
  const there = n.members.filter((id) => of(run, id)); // a mapped task has other instances in each run
  const own = there.length ? there : [n.id];
  const states = own.map((id) => of(run, id)?.state ?? null);
  const state = summary(states);
  const good = states.filter((s) => s === "success").length;
  const text = `${n.id}, ${run.dag_run_id}: ${good} of ${states.length} succeeded`;
  const worst = own[states.findIndex((s) => (s ?? "none") === (state ?? "none"))] ?? own[0];
  return h("a", { class: "cell", href: page("run", { dag, run: run.dag_run_id, task: worst }), title: text }, mark(state, text));
}

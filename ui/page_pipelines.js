// Pipelines: each with its state, its last runs, when it runs next, and the two things one does with it.
import { h, page, replace, head, note } from "./shared/dom.js";
import { can, scheduler } from "./shared/api.js";
import { place, empty } from "./shared/panel.js";
import { live } from "./shared/live.js";
import { mark, word } from "./shared/state.js";
import { when, lasting, absolute, millis } from "./shared/time.js";
import { trigger } from "./shared/trigger.js";

const LAST = 14;
const TOGETHER = 200; // runs asked for in one question
const APART = 40;     // pipelines asked for one by one, at most

export function dots(dag, runs) {
  return h("span", { class: "dots" }, runs.slice(0, LAST).reverse().map((r) => {
    const at = millis(r.start_date ?? r.queued_at ?? r.run_after);
    return h("a", { href: page("run", { dag, run: r.dag_run_id }) }, mark(r.state, `${word(r.state)}, ${at ? absolute(at) : r.dag_run_id}`));
  }));
}

function pauseSwitch(dag) {
  const button = h("button", { class: "switch", type: "button", role: "switch", "aria-checked": String(!dag.is_paused),
    "data-key": `switch-${dag.dag_id}`, disabled: !can("user"), "aria-label": `Schedule of ${dag.dag_id}`, title: dag.is_paused ? "Paused: click to run by schedule" : "Runs by schedule: click to pause",
    onclick: async () => {
      const paused = button.getAttribute("aria-checked") === "true";
      button.setAttribute("aria-checked", String(!paused));
      try { await scheduler.pause(dag.dag_id, paused); note(`${dag.dag_id} ${paused ? "is paused" : "runs by its schedule again"}`); } catch (error) {
        button.setAttribute("aria-checked", String(paused));
        note(error.message, "bad");
      }
    } });
  return button;
}

export const schedule = (dag) => dag.timetable_summary || dag.timetable_description || "by hand";

// short: without what one can look up on the page of pipelines.
export function pipelineRows(dags, runsOf, short = false) {
  return h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { class: "fit" }, h("span", { class: "hidden" }, "On")), h("th", {}, "Pipeline"), h("th", { class: "wide" }, "Schedule"),
      h("th", {}, "Last runs"), h("th", { class: "wide" }, "Last run"), short ? null : h("th", { class: "wide num" }, "Took"), h("th", { class: "wide" }, "Next"), h("th", { class: "fit" }))),
    h("tbody", {}, dags.map((dag) => {
      const runs = runsOf.get(dag.dag_id) || [];
      const last = runs[0];
      return h("tr", {},
        h("td", { class: "fit" }, pauseSwitch(dag)),
        h("th", { scope: "row" }, h("a", { href: page("pipeline", { dag: dag.dag_id }) }, dag.dag_display_name || dag.dag_id),
          dag.has_import_errors ? h("span", { class: "tag" }, "old version: the file has an error") : null,
          dag.description && !short ? h("div", { class: "quiet wide", style: { "font-weight": "400" } }, dag.description) : null),
        h("td", { class: "wide mono nowrap quiet" }, schedule(dag)),
        h("td", { class: "fit" }, runs.length ? dots(dag.dag_id, runs) : h("span", { class: "faint" }, "never run")),
        h("td", { class: "wide nowrap" }, last ? when(last.start_date ?? last.queued_at ?? last.run_after) : null),
        short ? null : h("td", { class: "wide nowrap num" }, last ? lasting(last.start_date, last.end_date) : null),
        h("td", { class: "wide nowrap quiet" }, dag.is_paused ? "paused" : when(dag.next_dagrun_run_after) || "—"),
        h("td", { class: "fit" }, !can("user") ? null : h("button", { type: "button", "data-key": `run-${dag.dag_id}`, onclick: () => trigger(dag.dag_id) }, "Run")));
    }))));
}

// The last runs of every pipeline, newest first: one question for all, and one more for each pipeline
// that a busier one has crowded out of the answer.
export async function runsByDag(dags, signal) {
  const by = new Map(dags.map((d) => [d.dag_id, []]));
  const all = await scheduler.runs("~", TOGETHER, signal);
  for (const r of all) by.get(r.dag_id)?.push(r);
  if (all.length < TOGETHER) return by;
  const short = dags.filter((d) => by.get(d.dag_id).length < LAST).slice(0, APART);
  const rest = await Promise.all(short.map((d) => scheduler.runs(d.dag_id, LAST, signal)));
  short.forEach((d, i) => by.set(d.dag_id, rest[i]));
  return by;
}

export const importErrors = (errors) => h("section", { class: "sheet", "aria-label": "Files with errors" },
  h("header", {}, mark("failed"), h("h2", {}, errors.length === 1 ? "A pipeline file cannot be read" : `${errors.length} pipeline files cannot be read`)),
  h("ul", { class: "list" }, errors.map((e) => h("li", {}, h("div", { class: "what" },
    h("div", { class: "mono" }, e.filename), h("pre", { class: "quiet", style: { "white-space": "pre-wrap" } }, e.stack_trace)),
    h("div", { class: "aside" }, when(e.timestamp))))));

// Where the files come from, when that is a git repository: the commit that runs, or why the newest does not.
export const fromGit = (git) => h("section", { class: "sheet", "aria-label": "Git repository" },
  h("ul", { class: "list" },
    h("li", {}, h("div", { class: "what" }, git.commit
      ? h("div", {}, h("span", { class: "mono" }, git.commit.slice(0, 10)), " ", git.subject)
      : h("div", {}, "Nothing fetched yet"),
      h("div", { class: "quiet" }, [git.author, git.repo + (git.branch ? ` (${git.branch})` : "")].filter(Boolean).join(" · ")),
      git.warning ? h("div", { class: "quiet" }, git.warning) : null),
      h("div", { class: "aside" }, git.synced_at ? when(git.synced_at) : null)),
    git.error ? h("li", {}, mark("failed"), h("div", { class: "what" }, h("div", {}, "The repository cannot be fetched; what is here goes on running"),
      h("div", { class: "quiet" }, git.error)), h("div", { class: "aside" }, when(git.error_since_at))) : null));

export const noPipelines = () => empty("No pipelines yet",
  h("span", {}, "A directory with a liminal.yml in pipelines/ of the state directory appears here at once:"), h("pre", {}, "cp -r examples/iris /var/lib/onebox/pipelines/"));

export function mount(root, { signal, title, params }) {
  title("Pipelines");
  let wanted = params.get("q") || "";
  let shown = null;
  const box = h("input", { type: "search", placeholder: "Filter by name or tag", "aria-label": "Filter pipelines", "data-search": true, value: wanted,
    oninput: () => { wanted = box.value; if (shown) replace(list, table(shown)); } });
  const list = h("div", {});
  const fits = (d) => [d.dag_id, ...(d.tags || []).map((t) => t.name), ...(d.owners || [])].join(" ").toLowerCase().includes(wanted.toLowerCase());
  const table = ({ dags, runs }) => {
    const some = dags.filter(fits);
    return some.length ? pipelineRows(some, new Map(runs)) : empty(`Nothing is called “${wanted}”`);
  };
  const count = h("span", { class: "count" });
  const sheet = h("section", { class: "sheet", "aria-label": "All pipelines" }, h("header", {}, h("h2", {}, "All pipelines"), count, h("div", { class: "right" }, box)), list);
  // Errors above, the repository below, and the pipelines come together: what comes late may not push away what one is about to click.
  const all = place({ lines: 9, signal, every: 30000,
    load: async (s) => {
      const [dags, errors, status] = await Promise.all([scheduler.dags(s), scheduler.importErrors(s).catch(() => []), scheduler.status(s).catch(() => null)]);
      return { dags, runs: [...await runsByDag(dags, s)], errors, git: status?.gitsync };
    },
    view: (data) => {
      shown = data;
      all.classList.remove("tall");
      count.textContent = data.dags.length || "";
      replace(list, data.dags.length ? table(data) : noPipelines());
      return [data.errors.length ? importErrors(data.errors) : null, sheet, data.git ? fromGit(data.git) : null];
    } }, h("div", { class: "stack tall" }));
  replace(root, head("Pipelines"), all);
  live(signal, all.reload);
}

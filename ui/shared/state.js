// States: one shape, one colour and one word for each, so that colour alone never carries the meaning.
import { h, svg } from "./dom.js";
import { moment } from "./time.js";

// state: [class, word, shape]
const STATES = {
  success: ["ok", "success", "disc"],
  failed: ["bad", "failed", "cross"],
  running: ["run", "running", "ring"],
  restarting: ["run", "restarting", "ring"],
  queued: ["wait", "queued", "hollow"],
  scheduled: ["wait", "scheduled", "hollow"],
  deferred: ["wait", "deferred", "hollow"],
  up_for_retry: ["again", "up for retry", "half"],
  up_for_reschedule: ["again", "up for reschedule", "half"],
  interrupted: ["night", "interrupted", "moon"],
  skipped: ["skip", "skipped", "dash"],
  removed: ["skip", "removed", "dash"],
  upstream_failed: ["again", "upstream failed", "slash"],
  none: ["none", "not started", "dot"],
  // MLflow's
  finished: ["ok", "finished", "disc"],
  killed: ["night", "killed", "moon"],
  ready: ["ok", "ready", "disc"],
  pending_registration: ["wait", "registering", "hollow"],
  failed_registration: ["bad", "not registered", "cross"],
  ok: ["ok", "ok", "disc"],
  error: ["bad", "error", "cross"],
  in_progress: ["run", "in progress", "ring"],
  state_unspecified: ["none", "unknown", "dot"],
  told: ["ok", "told", "disc"],
  waiting: ["wait", "waiting", "hollow"],
  again: ["again", "comes again", "half"],
  given_up: ["bad", "given up", "cross"],
  active: ["ok", "active", "disc"],
  disabled: ["skip", "disabled", "dash"],
};
const SHAPES = {
  disc: [["circle", { cx: 6, cy: 6, r: 5 }]],
  cross: [["path", { d: "M3.6.4h4.8l3.2 3.2v4.8l-3.2 3.2H3.6L.4 8.4V3.6z" }], ["path", { d: "M4 4l4 4M8 4l-4 4", class: "cut" }]],
  ring: [["circle", { cx: 6, cy: 6, r: 4.2, class: "ring" }]],
  hollow: [["circle", { cx: 6, cy: 6, r: 4.2, class: "line" }]],
  half: [["circle", { cx: 6, cy: 6, r: 4.2, class: "line" }], ["path", { d: "M6 1.5a4.5 4.5 0 0 1 0 9z" }]],
  moon: [["path", { d: "M10.6 8.1A5.3 5.3 0 1 1 4.8.8a4.4 4.4 0 0 0 5.8 7.3z" }]],
  dash: [["path", { d: "M2 6h8", class: "line" }]],
  slash: [["circle", { cx: 6, cy: 6, r: 4.2, class: "line" }], ["path", { d: "M3.2 8.8l5.6-5.6", class: "line" }]],
  dot: [["circle", { cx: 6, cy: 6, r: 1.8 }]],
};

const known = (state) => STATES[String(state ?? "none").toLowerCase()] || ["wait", String(state), "hollow"];

export const word = (state) => known(state)[1];
export const tone = (state) => known(state)[0];

export function mark(state, title) {
  const [kind, text, shape] = known(state);
  return svg("svg", { class: `mark s-${kind}`, viewBox: "0 0 12 12", role: "img", "aria-label": title || text },
    title ? svg("title", {}, title) : null, SHAPES[shape].map(([tag, props]) => svg(tag, props)));
}

// A pill with shape and word.
export const badge = (state) =>
  h("span", { class: `badge s-${tone(state)}` }, mark(state), h("span", {}, word(state)));

// What a run is called among people; its id stands beside it.
export function runName(run) {
  const kind = { scheduled: "Scheduled", manual: "By hand", backfill: "Backfill", asset_triggered: "By data" }[run.run_type] || "Run";
  const at = run.logical_date ?? run.run_after ?? run.queued_at ?? run.start_date;
  return at ? `${kind}, ${moment(at)}` : run.dag_run_id;
}

// What a tracked run is called: by its id where nothing of its name can be seen.
export const trackedName = ({ run_name: name, run_id: id }) => (/[\p{L}\p{N}\p{P}\p{S}]/u.test(name ?? "") ? name : id.slice(0, 12));

// Which states of a set speak for the whole, worst first.
const ORDER = ["failed", "upstream_failed", "running", "restarting", "up_for_retry", "interrupted", "queued",
  "scheduled", "deferred", "none", "success", "skipped", "removed"];
export const summary = (states) => ORDER.find((s) => states.some((x) => (x ?? "none") === s)) ?? states[0];
export const over = (state) => ["success", "failed", "skipped", "upstream_failed", "removed"].includes(state);

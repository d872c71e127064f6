// States: one shape, one colour and one word for each, so that colour alone never carries the meaning.
import { h, svg } from "./dom.js";

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
};
const SHAPES = {
  disc: ["circle", { cx: 6, cy: 6, r: 5 }],
  cross: ["path", { d: "M3 1h6l2 2v6l-2 2H3L1 9V3zM4 4l4 4M8 4l-4 4", class: "cut" }],
  ring: ["circle", { cx: 6, cy: 6, r: 4.2, class: "ring" }],
  hollow: ["circle", { cx: 6, cy: 6, r: 4.2, class: "line" }],
  half: ["path", { d: "M6 1a5 5 0 0 1 0 10zM6 1.8a4.2 4.2 0 0 0 0 8.4", class: "halfline" }],
  moon: ["path", { d: "M9.8 8.2A5 5 0 1 1 5 1.2a4.2 4.2 0 0 0 4.8 7z" }],
  dash: ["path", { d: "M2 6h8", class: "line" }],
  slash: ["path", { d: "M6 1.8A4.2 4.2 0 1 0 6 10.2 4.2 4.2 0 0 0 6 1.8M3.2 8.8l5.6-5.6", class: "line" }],
  dot: ["circle", { cx: 6, cy: 6, r: 1.8 }],
};

const known = (state) => STATES[String(state ?? "none").toLowerCase()] || ["wait", String(state), "hollow"];

export const word = (state) => known(state)[1];
export const tone = (state) => known(state)[0];

export function mark(state, title) {
  const [kind, text, shape] = known(state);
  const [tag, props] = SHAPES[shape];
  return svg("svg", { class: `mark s-${kind}`, viewBox: "0 0 12 12", role: "img", "aria-label": title || text },
    title ? svg("title", {}, title) : null, svg(tag, props));
}

// A pill with shape and word.
export const badge = (state) =>
  h("span", { class: `badge s-${tone(state)}` }, mark(state), h("span", {}, word(state)));

// Which states of a set speak for the whole, worst first.
const ORDER = ["failed", "upstream_failed", "running", "restarting", "up_for_retry", "interrupted", "queued",
  "scheduled", "deferred", "none", "success", "skipped", "removed"];
export const summary = (states) => ORDER.find((s) => states.some((x) => (x ?? "none") === s)) ?? states[0];
export const over = (state) => ["success", "failed", "skipped", "upstream_failed", "removed"].includes(state);

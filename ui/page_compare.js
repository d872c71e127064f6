// Several runs beside one another: where they differ, and their metrics over time in one chart.
import { h, page, replace, head, setQuery } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { place, empty } from "./shared/panel.js";
import { mark, trackedName, word } from "./shared/state.js";
import { when, lasting } from "./shared/time.js";
import { lineChart, lineColour, number } from "./shared/chart.js";

const MOST = 20;   // runs
const CHARTS = 8;  // shown by themselves: each is a request

const nameOf = (run) => trackedName(run.info);
const mapOf = (list) => new Map((list || []).map((x) => [x.key, x.value]));

function values(title, runs, kind, only, shown = (v) => v) {
  const maps = runs.map((r) => mapOf(r.data[kind]));
  const keys = [...new Set(maps.flatMap((m) => [...m.keys()]))].filter((k) => kind !== "tags" || !k.startsWith("mlflow.")).sort();
  const differ = (k) => new Set(maps.map((m) => String(m.get(k)))).size > 1;
  const list = only ? keys.filter(differ) : keys;
  if (!list.length) return keys.length ? [h("tr", { class: "group" }, h("th", { colspan: runs.length + 1 }, title)), h("tr", {}, h("td", { class: "faint", colspan: runs.length + 1 }, "the same in all of them"))] : null;
  return [h("tr", { class: "group" }, h("th", { colspan: runs.length + 1 }, title)),
    list.map((k) => h("tr", {}, h("th", { scope: "row", class: "any" }, k), maps.map((m) => h("td", { class: `v ${differ(k) ? "differs" : "faint"}`, title: m.get(k) ?? null }, m.has(k) ? shown(m.get(k)) : "—"))))];
}

const point = (p, byStep, start) => ({ x: byStep ? Number(p.step || 0) : (Number(p.timestamp) - start) / 1000, y: Number(p.value) });

async function histories(runs, key, signal) {
  const all = await tracking.histories(runs.map((r) => r.info.run_id), key, signal);
  const byStep = new Set(all.map((p) => Number(p.step || 0))).size > 1;
  const lines = runs.map((r) => {
    const own = all.filter((p) => p.run_id === r.info.run_id);
    const start = own.reduce((a, p) => Math.min(a, Number(p.timestamp)), Infinity);
    return { name: nameOf(r), points: own.map((p) => point(p, byStep, start)).sort((a, b) => a.x - b.x) };
  });
  return { key, lines, byStep };
}

const chart = ({ key, lines, byStep, wrong }) => (wrong ? h("p", { class: "wrong" }, `${key}: ${wrong}`)
  : lines.some((l) => l.points.length > 1) ? h("figure", {}, h("figcaption", {}, h("b", {}, key)), lineChart(lines, { name: key, xName: byStep ? "step" : "s" })) : null);

export function mount(root, { signal, title, params }) {
  title("Compare runs");
  const ids = [...new Set((params.get("runs") || "").split(",").filter((x) => /^\w+$/.test(x)))].slice(0, MOST);
  const experiment = params.get("experiment") || "";
  let only = params.get("all") !== "1", got = null;
  const body = h("div", { class: "scroll" }), charts = h("div", {});
  const crumb = [h("a", { href: page("experiments") }, "Experiments"), experiment ? [" / ", h("a", { href: page("experiment", { id: experiment }) }, "its runs")] : null];
  if (ids.length < 2) {
    replace(root, head("Compare runs", { crumb }), h("section", { class: "sheet" }, empty("Choose runs to compare", h("span", {}, "Tick two or more runs of an experiment, then Compare."), h("a", { class: "button", href: experiment ? page("experiment", { id: experiment }) : page("experiments") }, "Choose runs"))));
    return;
  }
  const differ = h("button", { type: "button", "aria-pressed": String(only), onclick: () => { only = !only; differ.setAttribute("aria-pressed", String(only)); setQuery({ all: only ? "" : "1" }); draw(); } }, "Only differences");

  async function load(s) {
    const inExperiment = experiment ? (await tracking.runs({ experiment_ids: [experiment], filter: `attributes.run_id IN (${ids.map((x) => `'${x}'`).join(", ")})`, max_results: MOST, run_view_type: "ALL" }, s)).runs || [] : [];
    const there = new Map(inExperiment.map((r) => [r.info.run_id, r]));
    const rest = await Promise.all(ids.filter((x) => !there.has(x)).map((x) => tracking.run(x, s).catch((error) => { if (error.status === 404) return null; throw error; })));
    for (const r of rest) if (r) there.set(r.info.run_id, r);
    return { runs: ids.map((x) => there.get(x)).filter(Boolean), gone: ids.filter((x) => !there.has(x)) };
  }
  function draw() {
    const { runs, gone } = got;
    replace(body, gone.length ? h("p", { class: "wrong" }, `Not there any more: ${gone.join(", ")}`) : null, h("table", { class: "runs compare", style: { "--runs": runs.length } },
      h("thead", {}, h("tr", {}, h("th", {}, h("span", { class: "hidden" }, "Name")), runs.map((r, i) => h("th", { scope: "col" }, h("i", { class: "swatch", style: { background: `var(${lineColour(i)})` } }), mark(r.info.status, word(r.info.status)), " ",
        h("a", { href: page("training", { run: r.info.run_id }), class: "clip run-name", title: nameOf(r) }, nameOf(r)))))),
      h("tbody", {}, h("tr", {}, h("th", { scope: "row" }, "started"), runs.map((r) => h("td", {}, when(Number(r.info.start_time))))),
        h("tr", {}, h("th", { scope: "row" }, "took"), runs.map((r) => h("td", {}, lasting(Number(r.info.start_time), r.info.end_time ? Number(r.info.end_time) : null)))),
        values("Parameters", runs, "params", only), values("Metrics", runs, "metrics", only, number), values("Tags", runs, "tags", only))));
  }
  let drawn = false;
  async function overTime(runs) {
    const keys = [...new Set(runs.flatMap((r) => (r.data.metrics || []).map((m) => m.key)))].sort();
    const grid = h("div", { class: "charts big" }), foot = h("div", {});
    let at = 0;
    const next = async () => {
      const some = keys.slice(at, at + CHARTS);
      at += some.length;
      const all = await Promise.all(some.map((k) => histories(runs, k, signal).catch((error) => ({ key: k, wrong: error.message }))));
      grid.append(...all.map(chart).filter(Boolean));
      const left = keys.length - at;
      if (!grid.children.length && left) return next();
      replace(foot, left ? h("div", { class: "empty" }, h("button", { type: "button", onclick: (e) => { e.currentTarget.disabled = true; next(); } }, `Show ${Math.min(CHARTS, left)} more of ${left} metrics`)) : null);
      if (grid.children.length) replace(charts, h("section", { class: "sheet", "aria-label": "Charts" }, h("header", {}, h("h2", {}, "Over time")), grid, foot));
    };
    if (keys.length) await next();
  }
  const table = place({ lines: 8, signal, every: 15000, load, view: (data) => {
    got = data;
    if (!data.runs.length) return empty("None of these runs is there any more", h("a", { class: "button", href: page("experiments") }, "To the experiments"));
    draw();
    if (!drawn) { drawn = true; overTime(data.runs); }
    return body;
  } });
  replace(root, head(`${ids.length} runs`, { crumb, actions: differ }), h("div", { class: "stack" }, h("section", { class: "sheet", "aria-label": "Values" }, table), charts));
}

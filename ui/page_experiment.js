// One experiment: its runs as a table to search, sort and compare by eye. The view is in the address.
import { h, page, replace, head, setQuery, copyable, ask, note } from "./shared/dom.js";
import { tracking, may } from "./shared/api.js";
import { belongs, place, empty } from "./shared/panel.js";
import { mark, trackedName, word } from "./shared/state.js";
import { when, lasting } from "./shared/time.js";
import { number } from "./shared/chart.js";
import { runsCsv, save } from "./shared/csv.js";
import { ABOUT, aboutCell, remember, remembered } from "./shared/runs_columns.js";
import { tagOf } from "./shared/lineage.js";

const PAGE = 100;
const MOST_COMPARED = 20;
const MOST_CSV = 50000; // runs in one file
const MOST = 5; // metric and parameter columns shown by themselves
const FIT = { width: "auto", flex: "0 0 auto" };
const HOUR = 3600000;
const SPANS = { "": "All time", 1: "Last hour", 24: "Last 24 hours", 168: "Last 7 days", 720: "Last 30 days", 8760: "Last year" }; // by hours

const metricOf = (run, key) => run.data.metrics?.find((m) => m.key === key)?.value;
const paramOf = (run, key) => run.data.params?.find((p) => p.key === key)?.value;
const keysOf = (runs, kind) => {
  const count = new Map();
  for (const r of runs) for (const x of r.data[kind] || []) count.set(x.key, (count.get(x.key) || 0) + 1);
  return [...count.entries()].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
};
const differs = (runs, get) => new Set(runs.map(get).filter((v) => v !== undefined).map(String)).size > 1;

// What tells the runs apart comes first; what autolog adds for completeness comes last.
function usual(runs) {
  const counted = keysOf(runs, "metrics");
  const metrics = counted.filter(([, n]) => n * 3 >= counted[0][1]).map(([k]) => k).sort((a, b) => Number(a.startsWith("training_")) - Number(b.startsWith("training_")));
  const params = keysOf(runs, "params").map(([k]) => k);
  const telling = params.filter((k) => differs(runs, (r) => paramOf(r, k)));
  return { about: Object.keys(ABOUT).filter((k) => differs(runs, ABOUT[k].of)), metrics: metrics.slice(0, MOST), params: (telling.length ? telling : params).slice(0, MOST) };
}

// All that is not the same in every run that has it.
const telling = (runs) => ({ about: Object.keys(ABOUT).filter((k) => differs(runs, ABOUT[k].of)),
  metrics: keysOf(runs, "metrics").map(([k]) => k).filter((k) => differs(runs, (r) => metricOf(r, k))),
  params: keysOf(runs, "params").map(([k]) => k).filter((k) => differs(runs, (r) => paramOf(r, k))) });

export function mount(root, { signal, title, params }) {
  const id = params.get("id");
  let filter = params.get("filter") || "", order = params.get("order") || "";
  let chosen = params.get("cols")?.split(",").filter(Boolean) || remembered(id);
  let hours = params.get("hours") in SPANS ? params.get("hours") : "", deleted = params.has("deleted"), write = false;
  let runs = [], token = null, total = 0, errorText = "";
  const body = h("div", {});
  const box = h("input", { type: "search", placeholder: "metrics.accuracy > 0.9 and params.C = \"10\"", "aria-label": "Search runs", "data-search": true, value: filter, spellcheck: "false" });
  const count = h("span", { class: "count" });
  const wrong = h("div", {});

  const top = place({ lines: 2, signal, load: async (s) => {
    const [x, w] = await Promise.all([tracking.experiment(id, s), may("user")]);
    return { x, w };
  }, view: ({ x, w }) => {
    const about = tagOf(x.tags, "mlflow.note.content");
    title(x.name);
    write = w;
    return [head(x.name, { crumb: h("a", { href: page("experiments") }, "Experiments"),
      sub: [h("span", {}, "ID ", copyable(x.experiment_id)), h("span", { class: "wide" }, copyable(x.artifact_location))],
      actions: [w ? h("button", { type: "button", class: "wide", "data-key": "describe", onclick: () => describe(about || "") }, about ? "Edit description" : "Describe") : null,
        h("button", { type: "button", class: "wide", title: "Copy the address of this view: search, order and columns", onclick: share }, "Share"),
        h("button", { type: "button", onclick: () => table.reload() }, "Refresh")] }),
    about ? h("p", { class: "about" }, about) : null];
  } });

  const share = () => navigator.clipboard?.writeText(location.href).then(() => note("The address of this view is copied"), () => note("This browser does not let pages copy: the address above is it", "bad"));

  async function describe(text) {
    const form = await ask("Description", h("textarea", { name: "text", rows: "8", "aria-label": "Description", value: text }), "Save");
    if (!form) return;
    await tracking.describe(id, form.get("text").trim()).then(() => top.reload(), (error) => note(error.message, "bad"));
  }

  const since = () => (hours ? `attributes.start_time >= ${Date.now() - hours * HOUR}` : "");
  const ask1 = (s) => ({ experiment_ids: [id], filter: [filter, since()].filter(Boolean).join(" and ") || undefined, max_results: PAGE, page_token: s, with_total: s ? undefined : true, run_view_type: deleted ? "DELETED_ONLY" : undefined,
    order_by: order ? [`${fieldOf(order)} ${order.startsWith("-") ? "DESC" : "ASC"}`] : undefined });
  const fieldOf = (o) => { const [kind, ...rest] = o.replace(/^-/, "").split("."); return `${kind}.\`${rest.join(".")}\``; };

  const table = place({ lines: 8, signal, every: 10000,
    load: async (s) => {
      try {
        const answer = await tracking.runs(ask1(), s);
        errorText = "";
        return { runs: answer.runs || [], token: answer.next_page_token || null, total: answer.total };
      } catch (error) {
        if (error.status !== 400) throw error;
        errorText = error.message;
        return { runs: [], token: null, wrong: error.message };
      }
    },
    view: (d) => { runs = d.runs; token = d.token; total = d.total; draw(); return body; } });

  function sort(key) {
    order = order === `-${key}` ? key : order === key ? "" : `-${key}`;
    setQuery({ order });
    table.reload();
  }
  function search(text) { filter = text; box.value = text; setQuery({ filter }); table.reload(); }
  function clear() {
    hours = span.value = "";
    deleted = false;
    which.value = "";
    setQuery({ hours, deleted: "" });
    search("");
  }

  async function columns() {
    const now = new Set(shownKeys().all), apart = telling(runs);
    const pick = (kind, name, keys, label = (k) => k) => h("div", {}, h("h3", {}, name), keys.map((k) =>
      h("label", { class: "row", style: { display: "flex", "font-weight": "400" } }, h("input", { type: "checkbox", name: "col", value: `${kind}.${k}`, checked: now.has(`${kind}.${k}`) }), h("span", { class: "clip" }, label(k)))));
    const set = (on) => (e) => { for (const b of e.target.form.elements) if (b.name === "col") b.checked = on(b.value); };
    const different = new Set([...apart.about.map((k) => `about.${k}`), ...apart.metrics.map((k) => `metrics.${k}`), ...apart.params.map((k) => `params.${k}`)]);
    const keys = (kind) => keysOf(runs, kind).map(([k]) => k);
    const answer = await ask("Columns", h("div", { class: "stack" },
      h("div", { class: "row" }, h("button", { type: "button", onclick: set((v) => different.has(v)) }, "Only differences"), h("button", { type: "button", onclick: set(() => true) }, "All"), h("button", { type: "button", onclick: set(() => false) }, "None")),
      h("div", { class: "halves", style: { "max-height": "50vh", overflow: "auto" } }, pick("metrics", "Metrics", keys("metrics")), pick("params", "Parameters", keys("params")), pick("about", "About the run", Object.keys(ABOUT), (k) => ABOUT[k].label))), "Show");
    if (!answer) return;
    chosen = answer.getAll("col");
    remember(id, chosen);
    setQuery({ cols: chosen.join(",") });
    draw();
  }

  function shownKeys() {
    const of = (kind) => chosen.filter((c) => c.startsWith(`${kind}.`)).map((c) => c.slice(kind.length + 1));
    const by = chosen ? { about: of("about").filter((k) => ABOUT[k]), metrics: of("metrics"), params: of("params") } : usual(runs);
    return { ...by, all: [...by.about.map((k) => `about.${k}`), ...by.metrics.map((k) => `metrics.${k}`), ...by.params.map((k) => `params.${k}`)] };
  }

  const sortable = (key, label, attrs = {}) => h("th", { ...attrs, "aria-sort": order === key ? "ascending" : order === `-${key}` ? "descending" : null },
    h("button", { class: "sort", type: "button", "data-key": `sort-${key}`, title: `Sort by ${label}`, onclick: () => sort(key) }, h("span", { class: "clip" }, label)));

  async function more(button) {
    button.disabled = true;
    const answer = await tracking.runs(ask1(token), signal).catch(() => null);
    if (!answer) { button.disabled = false; return; }
    runs = [...runs, ...(answer.runs || [])];
    token = answer.next_page_token || null;
    draw();
  }

  // Runs to be compared are kept by id: what is sorted or loaded anew stays chosen.
  const picked = new Set();
  const compare = h("a", { class: "button", hidden: true });
  const csv = h("button", { type: "button", class: "wide", onclick: () => download() }, "CSV");
  const remove = h("button", { type: "button", class: "wide", hidden: true, onclick: () => removeOrRestore() }, "Delete");
  const span = h("select", { class: "wide", style: FIT, "aria-label": "Started", onchange: () => { hours = span.value; setQuery({ hours }); table.reload(); } }, Object.entries(SPANS).sort((a, b) => a[0] - b[0]).map(([v, text]) => h("option", { value: v }, text)));
  const which = h("select", { class: "wide", style: FIT, "aria-label": "Which runs", onchange: () => { deleted = which.value === "deleted"; setQuery({ deleted: deleted ? "1" : "" }); none(); table.reload(); } }, h("option", { value: "" }, "Active"), h("option", { value: "deleted" }, "Deleted"));
  span.value = hours;
  which.value = deleted ? "deleted" : "";
  const none = () => { picked.clear(); pick(); };

  // Deleted runs can be restored until a gc takes them away for good.
  async function removeOrRestore() {
    const ids = [...picked], back = deleted, runs1 = `${ids.length} run${ids.length > 1 ? "s" : ""}`;
    if (!back && !await ask(`Delete ${runs1}?`, h("p", {}, "They can be restored under Deleted until they are taken away for good by onebox gc."), "Delete")) return;
    remove.disabled = true;
    const ended = await Promise.allSettled(ids.map((x) => (back ? tracking.restoreRun(x) : tracking.deleteRun(x))));
    const bad = ended.filter((x) => x.status === "rejected");
    note(bad.length ? `${bad.length} of ${runs1} could not be ${back ? "restored" : "deleted"}: ${bad[0].reason.message}` : `${runs1} ${back ? "restored" : "deleted"}`, bad.length ? "bad" : "");
    remove.disabled = false;
    none();
    table.reload();
  }

  function pick(run, on) {
    if (run) on ? picked.add(run) : picked.delete(run);
    remove.hidden = !picked.size || !write;
    remove.textContent = `${deleted ? "Restore" : "Delete"} ${picked.size}`;
    compare.hidden = picked.size < 2;
    compare.textContent = `Compare ${picked.size}`;
    compare.href = page("compare", { experiment: id, runs: [...picked].slice(0, MOST_COMPARED).join(",") });
  }

  // All that match, not only what is loaded.
  async function download() {
    csv.disabled = true;
    try {
      let all = [], next = null;
      do {
        const answer = await tracking.runs({ ...ask1(next || undefined), max_results: 1000 }, signal);
        all = [...all, ...(answer.runs || [])];
        next = answer.next_page_token || null;
        csv.textContent = next ? `${all.length.toLocaleString("en")}…` : "CSV";
      } while (next && all.length < MOST_CSV);
      save(`runs-${id}.csv`, runsCsv(all));
      if (next) note(`The first ${all.length.toLocaleString("en")} runs are in the file; narrow the search for the others.`, "bad");
    } catch (error) {
      if (error.name !== "AbortError") note(error.message, "bad");
    }
    csv.textContent = "CSV";
    csv.disabled = false;
  }

  function draw() {
    replace(wrong, errorText ? h("p", { class: "wrong", role: "alert" }, errorText) : null);
    count.textContent = runs.length ? `${runs.length.toLocaleString("en")}${!token ? "" : total ? ` of ${total.toLocaleString("en")}` : "+"} ${runs.length === 1 ? "run" : "runs"}` : "";
    if (!runs.length) {
      replace(body, errorText ? null : filter || hours ? empty("No run matches", h("button", { type: "button", onclick: clear }, "Clear the search"))
        : deleted ? empty("No run is deleted", h("button", { type: "button", onclick: clear }, "Show active runs"))
        : empty("No runs yet", h("span", {}, "Runs logged to this experiment appear here.")));
      return;
    }
    const cols = shownKeys();
    const range = new Map(cols.metrics.map((k) => {
      const v = runs.map((r) => metricOf(r, k)).filter(Number.isFinite);
      return [k, [Math.min(...v), Math.max(...v)]];
    }));
    replace(body, h("div", { class: "scroll" }, h("table", { class: "runs" },
      h("thead", {},
        h("tr", { class: "group" }, h("th", { class: "wide" }), h("th", { colspan: "3" }), cols.about.length ? h("th", { class: "wide", colspan: cols.about.length }) : null, cols.metrics.length ? h("th", { class: "edge", colspan: cols.metrics.length }, "Metrics") : null,
          cols.params.length ? h("th", { class: "edge", colspan: cols.params.length }, "Parameters") : null),
        h("tr", {}, h("th", { class: "wide fit" }, h("input", { type: "checkbox", "aria-label": "Choose all that are shown", "data-key": "pick-all", checked: runs.every((r) => picked.has(r.info.run_id)), onchange: (e) => { for (const r of runs) pick(r.info.run_id, e.target.checked); draw(); } })), h("th", {}, "Run"), sortable("attributes.start_time", "Started", { class: "wide" }), h("th", { class: "num wide" }, "Took"), cols.about.map((k) => h("th", { class: "wide" }, ABOUT[k].label)),
          cols.metrics.map((k, i) => sortable(`metrics.${k}`, k, { class: i ? "num" : "num edge" })), cols.params.map((k, i) => sortable(`params.${k}`, k, { class: i ? "" : "edge" })))),
      h("tbody", {}, runs.map((r) => row(r, cols, range, picked, pick))))),
    token ? h("div", { class: "empty" }, h("button", { type: "button", onclick: (e) => more(e.target) }, "Load more")) : null);
  }

  replace(root, top, belongs(top, h("section", { class: "sheet", "aria-label": "Runs" },
    h("header", {}, h("form", { class: "query", role: "search", onsubmit: (e) => { e.preventDefault(); search(box.value.trim()); } }, box, h("button", {}, "Search"),
      h("button", { type: "button", class: "wide", onclick: clear }, "Clear")), h("div", { class: "right" }, span, which, count, compare, remove, csv, h("button", { type: "button", onclick: columns }, "Columns"))),
    wrong, table)));
  box.addEventListener("search", () => { if (!box.value && filter) search(""); });
}

function row(r, cols, range, picked, pick) {
  const { info } = r;
  const bar = (k, v) => {
    const [lo, hi] = range.get(k);
    if (!Number.isFinite(v) || hi <= lo) return {};
    const part = Math.round(4 + ((v - lo) / (hi - lo)) * 96);
    return { background: `linear-gradient(to right, var(--bar) ${part}%, transparent ${part}%) 10px 100% / calc(100% - 20px) 3px no-repeat` };
  };
  const name = trackedName(info);
  return h("tr", {},
    h("td", { class: "wide fit" }, h("input", { type: "checkbox", "aria-label": `Choose ${name}`, "data-key": `pick-${info.run_id}`, checked: picked.has(info.run_id), onchange: (e) => pick(info.run_id, e.target.checked) })),
    h("th", { scope: "row", class: "nowrap" }, mark(info.status, word(info.status)), " ", h("a", { href: page("training", { run: info.run_id }), "data-key": info.run_id, class: "clip run-name", title: name }, name)),
    h("td", { class: "nowrap quiet wide" }, when(Number(info.start_time))), h("td", { class: "num wide quiet" }, lasting(Number(info.start_time), info.end_time ? Number(info.end_time) : null)),
    cols.about.map((k) => aboutCell(k, r)),
    cols.metrics.map((k, i) => { const v = metricOf(r, k); return h("td", { class: `num v ${i ? "" : "edge"}`, title: v, style: bar(k, v) }, v === undefined ? "" : number(v)); }),
    cols.params.map((k, i) => { const v = paramOf(r, k); return h("td", { class: `v ${i ? "" : "edge"}`, title: v }, v ?? ""); }));
}

// Traces: what applications did, the newest first; searched by words or by a filter. The view is in the address.
import { h, page, replace, head, setQuery } from "./shared/dom.js";
import { tracking } from "./shared/api.js";
import { empty } from "./shared/panel.js";
import { paged } from "./shared/paged.js";
import { mark, word } from "./shared/state.js";
import { when, span } from "./shared/time.js";

const NAME = "mlflow.traceName";
const CHOICES = 200; // experiments offered to choose from

export const experimentOf = (info) => info.trace_location?.mlflow_experiment?.experiment_id;
export const traceName = (info) => info.tags?.[NAME] || info.trace_id;
// Whole milliseconds are known: none of them is less than one.
export const took = (info) => (info.execution_duration ? span(parseFloat(info.execution_duration) * 1000).replace(/^0ms$/, "<1ms") : "");

// What somebody types is looked for in the spans, unless it reads like a filter.
const IS_FILTER = /(!=|[=<>]|\bi?like\b|\bin\s*\()/i;
const filterOf = (text) => (!text || IS_FILTER.test(text) ? text : `trace.text ILIKE '%${text.replaceAll("'", "\\'")}%'`);

export const shownValue = (a) => {
  const v = a.feedback ? a.feedback.value : a.expectation?.serialized_value?.value ?? a.expectation?.value;
  return a.feedback?.error ? `error: ${a.feedback.error.error_message || a.feedback.error.error_code}` : typeof v === "string" ? v : JSON.stringify(v);
};
const judged = (info) => (info.assessments || []).filter((a) => a.valid !== false).slice(0, 3)
  .map((a) => h("span", { class: "tag", title: `${a.assessment_name}: ${shownValue(a)}` }, `${a.assessment_name}: ${shownValue(a)}`));

const line = (text, max = "420px") => h("div", { class: "quiet clip", style: { "font-weight": "400", "max-width": max } }, text || "");

function row({ info, names }) {
  const experiment = experimentOf(info);
  return h("tr", {},
    h("th", { scope: "row", class: "main" }, mark(info.state, word(info.state)), " ",
      h("a", { href: page("trace", { id: info.trace_id }), "data-key": info.trace_id }, traceName(info)), line(info.request_preview)),
    h("td", { class: "wide v" }, line(info.response_preview)),
    names ? h("td", { class: "wide v" }, h("a", { href: page("experiment", { id: experiment }), class: "quiet clip block-link", title: names[experiment] }, names[experiment] ?? experiment)) : null,
    h("td", { class: "wide" }, h("span", { class: "row tags" }, judged(info))),
    h("td", { class: "num nowrap" }, took(info)), h("td", { class: "nowrap" }, when(info.request_time)));
}

const table = (list, names) => h("div", { class: "scroll" }, h("table", { class: "long" },
  h("thead", {}, h("tr", {}, h("th", {}, "Trace"), h("th", { class: "wide" }, "Answer"), names ? h("th", { class: "wide" }, "Experiment") : null,
    h("th", { class: "wide" }, "Assessments"), h("th", { class: "num" }, "Took"), h("th", {}, "Started"))),
  h("tbody", {}, list.map((info) => row({ info, names })))));

const howTo = () => empty("No traces yet", h("span", {}, "What an application does appears here when its functions are traced:"),
  h("pre", {}, "import mlflow\nmlflow.set_tracking_uri(\"http://127.0.0.1:5000\")\n\n@mlflow.trace\ndef answer(question): …"));

export function mount(root, { signal, title, params }) {
  title("Traces");
  let filter = params.get("filter") || "", only = params.get("experiment") || "";
  const names = {};
  let experiments = null;
  const wrong = h("div", {});
  const box = h("input", { type: "search", placeholder: "Words, or a filter: status = 'ERROR' and tag.team = 'words'", "aria-label": "Search traces", "data-search": true, value: filter, spellcheck: "false" });
  const choose = h("select", { "aria-label": "Experiment", onchange: () => { only = choose.value; setQuery({ experiment: only }); all.restart(); } },
    h("option", { value: "" }, "All experiments"));
  const search = (text) => { filter = text; box.value = text; setQuery({ filter }); all.restart(); };
  box.addEventListener("search", () => { if (!box.value && filter) search(""); });

  // Those that changed last are offered; the others by the way from their own pages.
  async function known(s) {
    if (experiments) return;
    experiments = (await tracking.experiments({ size: CHOICES }, s)).rows;
    if (only && !experiments.some((x) => x.experiment_id === only)) experiments.push({ experiment_id: only, name: (await tracking.names([only], s))[only] });
    choose.append(...experiments.map((x) => h("option", { value: x.experiment_id, selected: x.experiment_id === only }, x.name)));
  }
  const all = paged({ title: "All traces", signal, every: 15000, lines: 8, narrow: "Search for the others.",
    right: choose,
    wrong: (error) => replace(wrong, error ? h("p", { class: "wrong", role: "alert" }, error.message) : null),
    load: async (token, s, size) => {
      const [got] = await Promise.all([tracking.traces(only, filterOf(filter), token, size, s), known(s)]);
      Object.assign(names, await tracking.names(got.rows.map(experimentOf).filter(Boolean), s));
      return got;
    },
    view: (list) => table(list, only ? null : names),
    none: () => (filter ? empty("No trace matches", h("button", { type: "button", onclick: () => search("") }, "Clear the search"))
      : only ? empty("No traces in this experiment", h("button", { type: "button", onclick: () => { choose.value = only = ""; setQuery({ experiment: "" }); all.restart(); } }, "Show all experiments")) : howTo()) });
  replace(root, head("Traces"), h("div", { class: "stack" },
    h("form", { class: "query", role: "search", onsubmit: (event) => { event.preventDefault(); search(box.value.trim()); } }, box, h("button", {}, "Search"),
      h("button", { type: "button", class: "wide", onclick: () => search("status = 'ERROR'") }, "Only errors")),
    wrong, all));
}

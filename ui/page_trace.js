// One trace: its spans as a tree over time, what went into each and came out, and what people and judges said of it.
import { h, page, replace, head, setQuery, copyable, ask, note } from "./shared/dom.js";
import { tracking, me, may } from "./shared/api.js";
import { place, empty } from "./shared/panel.js";
import { badge, mark } from "./shared/state.js";
import { when, span as lasts } from "./shared/time.js";
import { spanTree } from "./shared/spans.js";
import { experimentOf, traceName, took, shownValue } from "./page_traces.js";
import { go } from "./onebox.js";

const LONG = 20000; // characters of one value shown
const INDENTS = 12; // levels that are indented

const text = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

function block(title, value) {
  if (value === undefined || value === null || value === "") return null;
  const whole = text(value);
  return h("div", { class: "block" }, h("h3", {}, title), h("pre", { tabindex: "0" }, whole.length > LONG ? `${whole.slice(0, LONG)}\n… ${(whole.length - LONG).toLocaleString("en")} more characters` : whole));
}

const pairs = (object, hide = () => false) => {
  const keys = Object.keys(object || {}).filter((k) => !hide(k)).sort();
  return keys.length ? h("dl", { class: "keys" }, keys.flatMap((k) => [h("dt", {}, k), h("dd", {}, copyable(text(object[k])))])) : null;
};

const section = (title, count, ...body) => h("section", { class: "sheet", "aria-label": title },
  h("header", {}, h("h2", {}, title), h("span", { class: "count" }, count || "")), body);

function eventOf(event, start) {
  const { "exception.type": type, "exception.message": message, "exception.stacktrace": stack, ...rest } = event.attributes;
  return h("div", { class: "block" }, h("h3", {}, event.name, " ", h("span", { class: "faint" }, `after ${lasts(event.at - start)}`)),
    type ? h("p", { class: "wrong" }, `${type}: ${message ?? ""}`) : null, stack ? h("pre", { tabindex: "0" }, stack) : null, Object.keys(rest).length ? h("pre", { tabindex: "0" }, text(rest)) : null);
}

function detail(s, start) {
  const inner = (k) => k.startsWith("mlflow.");
  const again = s.events.some((e) => e.attributes["exception.message"] && s.message.endsWith(e.attributes["exception.message"]));
  const rest = pairs(s.attributes, inner);
  return [h("header", {}, mark(s.failed ? "error" : "ok"), h("h2", { class: "clip" }, s.name), s.type ? h("span", { class: "tag" }, s.type.toLowerCase()) : null,
    h("span", { class: "count" }, s.end == null ? "still open" : lasts(s.end - s.start))),
  h("div", { class: "body stack" }, s.failed && s.message && !again ? h("p", { class: "wrong" }, s.message) : null,
    block("Inputs", s.inputs), block("Outputs", s.outputs), s.events.map((e) => eventOf(e, start)),
    rest ? h("div", { class: "block" }, h("h3", {}, "Attributes"), rest) : null,
    s.inputs === undefined && s.outputs === undefined && !rest && !s.events.length ? h("p", { class: "quiet" }, "This span has logged nothing but its time.") : null)];
}

// The spans as buttons, each with its place in time; up and down go from one to the next.
function waterfall({ list, start, end, left }, chosen, choose) {
  const whole = Math.max(end - start, .001);
  const row = (s) => {
    const from = ((s.start - start) / whole) * 100, width = (((s.end ?? end) - s.start) / whole) * 100;
    return h("button", { type: "button", class: `span ${s.failed ? "s-bad" : "s-run"}`, "data-key": s.id, "aria-current": s.id === chosen ? "true" : null, onclick: () => choose(s) },
      h("span", { class: "name", style: { "padding-left": `${Math.min(s.depth, INDENTS) * 14}px` } }, s.failed ? mark("error") : null, h("span", { class: "clip", title: s.name }, s.name), s.type ? h("span", { class: "tag wide" }, s.type.toLowerCase()) : null),
      h("span", { class: "time", "aria-hidden": "true" }, h("i", { style: { left: `${Math.min(from, 99.5)}%`, width: `${Math.max(width, .5)}%` } })),
      h("span", { class: "num" }, s.end == null ? "open" : lasts(s.end - s.start)));
  };
  const box = h("div", { class: "waterfall", onkeydown: (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const to = step && document.activeElement[step];
    if (to?.tagName === "BUTTON") { event.preventDefault(); to.focus(); to.click(); }
  } }, list.map(row), left ? h("p", { class: "quiet note-row" }, `The first ${list.length.toLocaleString("en")} spans are shown; ${left.toLocaleString("en")} more are in the trace.`) : null);
  return box;
}

function judgement(a, id, mayWrite, reload) {
  const by = a.source ? `${{ HUMAN: "by ", LLM_JUDGE: "judge ", CODE: "code " }[a.source.source_type] ?? ""}${a.source.source_id || ""}` : "";
  const drop = async () => {
    if (!await ask(`Delete “${a.assessment_name}”?`, h("p", {}, "It cannot be brought back."), "Delete")) return;
    await tracking.deleteAssessment(id, a.assessment_id).then(() => note("Deleted"), (error) => note(error.message, "bad"));
    reload();
  };
  return h("li", {}, h("div", { class: "what" }, h("div", {}, h("b", {}, a.assessment_name), a.expectation ? h("span", { class: "faint" }, " expected") : null, " ", h("span", { class: "mono" }, shownValue(a)), a.valid === false ? h("span", { class: "tag" }, "overridden") : null),
    a.rationale ? h("div", { class: "quiet" }, a.rationale) : null),
  h("div", { class: "aside" }, h("span", { class: "clip" }, by), when(a.create_time), mayWrite ? h("button", { type: "button", class: "link", onclick: drop, "aria-label": `Delete ${a.assessment_name}` }, "Delete") : null));
}

async function judge(id, reload) {
  const form = await ask("An assessment", h("div", { class: "stack" },
    h("label", { class: "field" }, "Name", h("input", { name: "name", required: true, placeholder: "good", autocomplete: "off" })),
    h("label", { class: "field" }, "Value", h("input", { name: "value", required: true, placeholder: "true, 0.8, or words", autocomplete: "off" })),
    h("label", { class: "field" }, "Why", h("textarea", { name: "rationale", rows: "3" }))), "Add");
  if (!form) return;
  let value = form.get("value");
  try { value = JSON.parse(value); } catch { /* then it is words */ }
  await tracking.assess(id, { assessment_name: form.get("name"), rationale: form.get("rationale") || undefined, feedback: { value },
    source: { source_type: "HUMAN", source_id: (await me())?.name || "default" }, create_time: new Date().toISOString(), last_update_time: new Date().toISOString() })
    .then(() => note("Added"), (error) => note(error.message, "bad"));
  reload();
}

export function mount(root, { signal, title, params }) {
  const id = params.get("id");
  let chosen = params.get("span");
  const all = place({ lines: 8, signal, every: 15000, load: async (s) => {
    const got = await tracking.trace(id, s), experiment = experimentOf(got.trace_info);
    return { ...got, write: await may("user"), name: (await tracking.names([experiment], s))[experiment] };
  }, view: ({ trace_info: info, spans, write, name }) => {
    const experiment = experimentOf(info);
    const meta = info.trace_metadata || {};
    title(traceName(info));
    const drop = async () => {
      if (!await ask("Delete this trace?", h("p", {}, "Its spans and assessments go with it and cannot be brought back."), "Delete")) return;
      await tracking.deleteTrace(experiment, id).then(() => { note("Deleted"); go(page("traces", { experiment })); }, (error) => note(error.message, "bad"));
    };
    const usage = meta["mlflow.trace.tokenUsage"];
    const session = meta["mlflow.trace.session"];
    const top = head(traceName(info), {
      crumb: [h("a", { href: page("traces") }, "Traces"), " / ", h("a", { href: page("traces", { experiment }) }, name)],
      sub: [badge(info.state), h("span", {}, "started ", when(info.request_time)), took(info) ? h("span", {}, took(info)) : null,
        meta["mlflow.trace.user"] || meta["mlflow.user"] ? h("span", {}, `by ${meta["mlflow.trace.user"] || meta["mlflow.user"]}`) : null,
        session ? h("a", { href: page("traces", { filter: `metadata.\`mlflow.trace.session\` = '${session.replaceAll("'", "\\'")}'` }) }, `session ${session}`) : null,
        meta["mlflow.sourceRun"] ? h("a", { href: page("training", { run: meta["mlflow.sourceRun"] }) }, "its run") : null,
        usage ? h("span", {}, tokens(usage)) : null, traceName(info) === id ? null : copyable(id)],
      actions: write ? h("button", { type: "button", "data-key": "drop", onclick: drop }, "Delete") : null });
    const assessments = info.assessments || [];
    const said = h("section", { class: "sheet", "aria-label": "Assessments" },
      h("header", {}, h("h2", {}, "Assessments"), h("span", { class: "count" }, assessments.length || ""), write ? h("div", { class: "right" }, h("button", { type: "button", "data-key": "judge", onclick: () => judge(id, all.reload) }, "Add")) : null),
      assessments.length ? h("ul", { class: "list" }, assessments.map((a) => judgement(a, id, write, all.reload))) : empty("Nobody has judged it", h("span", {}, write ? "Say with Add whether it was good." : "Feedback and expectations appear here.")));
    const tags = pairs(info.tags, (k) => k.startsWith("mlflow.")), rest = pairs(meta, (k) => k === "mlflow.traceInputs" || k === "mlflow.traceOutputs");
    return h("div", {}, top, h("div", { class: "stack" }, tree(spans || [], info), said, tags ? section("Tags", null, tags) : null, rest ? section("Metadata", null, rest) : null));
  } });

  function tree(raw, info) {
    const spans = spanTree(raw);
    if (!spans.list.length) return section("Spans", null, info.state === "IN_PROGRESS" ? empty("No spans yet", h("span", {}, "They come when the application ends them."))
      : empty("No spans here", h("span", {}, "This trace was logged without them.")));
    const pane = h("section", { class: "sheet pinned", "aria-label": "Span", "aria-live": "polite" });
    const choose = (s) => {
      chosen = s.id;
      setQuery({ span: s.id });
      for (const b of flow.querySelectorAll("button")) b.dataset.key === s.id ? b.setAttribute("aria-current", "true") : b.removeAttribute("aria-current");
      replace(pane, detail(s, spans.start));
    };
    const now = spans.list.find((s) => s.id === chosen) || spans.list.filter((s) => s.failed).reduce((a, s) => (a && a.depth >= s.depth ? a : s), null) || spans.list[0];
    const flow = waterfall(spans, now.id, choose);
    replace(pane, detail(now, spans.start));
    return h("div", { class: "split even" }, section("Spans", (spans.list.length + spans.left).toLocaleString("en"), flow), pane);
  }
  replace(root, all);
}

function tokens(usage) {
  try {
    const u = JSON.parse(usage);
    return `${Number(u.total_tokens ?? (u.input_tokens || 0) + (u.output_tokens || 0)).toLocaleString("en")} tokens`;
  } catch { return ""; }
}

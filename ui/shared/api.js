// The wire: JSON over fetch, one kind of error, the session's end.
import { named } from "./instances.js";
import { spanOfFile } from "./spans.js";

export class ApiError extends Error {
  constructor(status, message, name) {
    super(message);
    this.status = status;
    this.away = status === 0 || status === 502 || status === 503 || status === 504;
    this.name = name || "ApiError";
  }
}

async function reason(answer) {
  const text = await answer.text().catch(() => "");
  try {
    const body = JSON.parse(text);
    const detail = body.message ?? body.detail ?? body.error;
    if (typeof detail === "string") return detail;
    if (detail) return JSON.stringify(detail);
  } catch { /* not JSON: the status has to do */ }
  return text && text.length < 300 && !text.includes("<") ? text : `${answer.status} ${answer.statusText}`;
}

export async function request(method, path, { query, body, signal, as = "json" } = {}) {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(query || {})) {
    for (const one of [v].flat()) if (one != null) q.append(k, one);
  }
  let answer;
  try {
    answer = await fetch(q.size ? `${path}?${q}` : path, {
      method, signal, credentials: "same-origin",
      headers: body === undefined ? { Accept: "application/json" }
        : { Accept: "application/json", "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "onebox-web is not answering. Is the tunnel still open?");
  }
  if (answer.status === 401) {
    location.assign(`login?next=${encodeURIComponent(location.pathname.split("/").pop() + location.search)}`);
    return new Promise(() => {});
  }
  if (!answer.ok) throw new ApiError(answer.status, await reason(answer));
  if (answer.status === 204) return null;
  try {
    return await answer[as]();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The answer broke off.");
  }
}

export const get = (path, query, signal) => request("GET", path, { query, signal });
export const post = (path, body, signal) => request("POST", path, { body, signal });
export const patch = (path, body, signal) => request("PATCH", path, { body, signal });
const e = encodeURIComponent;

// --- who asks: a page offers nobody what the server would refuse -------------------------------------
const ROLES = ["viewer", "user", "op", "admin"];
let mine = null, known = null;
export const me = () => (mine ??= get("api/onebox/v1/me").then((i) => (known = i), () => { mine = null; return null; }));
export const may = async (role) => ROLES.indexOf((await me())?.role) >= ROLES.indexOf(role);
// The same without waiting, for pages: they are shown when it is known. Who cannot be asked is offered everything.
export const can = (role) => !known || ROLES.indexOf(known.role) >= ROLES.indexOf(role);

// --- the scheduler: Airflow's REST v2, and what is ours ---------------------------------------------
const V2 = "api/v2";
const OURS = "api/onebox/v1";
const PAGE = 1000; // the most that one answer has

// Airflow has no word for "interrupted": the exact state stands beside the one its clients know.
const exact = (ti) => ({ ...ti, state: ti.state_detail && ti.state_detail !== "none" ? ti.state_detail : ti.state });

export const scheduler = {
  dags: (signal) => get(`${V2}/dags`, { limit: 500, order_by: "dag_id" }, signal).then((a) => a.dags),
  dag: (dag, signal) => get(`${V2}/dags/${e(dag)}/details`, {}, signal),
  tasks: (dag, signal) => get(`${V2}/dags/${e(dag)}/tasks`, {}, signal).then((a) => a.tasks),
  // dag "~" = of all; newest first
  runs: (dag, limit, signal, more) => get(`${V2}/dags/${e(dag)}/dagRuns`,
    { limit, order_by: "-run_after", ...more }, signal).then((a) => a.dag_runs),
  run: (dag, run, signal) => get(`${V2}/dags/${e(dag)}/dagRuns/${e(run)}`, {}, signal),
  // All of them, or those in these states, page by page.
  taskInstances: async (dag, run, signal, state) => {
    const all = [];
    for (;;) {
      const a = await get(`${V2}/dags/${e(dag)}/dagRuns/${e(run)}/taskInstances`, { limit: PAGE, offset: all.length || undefined, state }, signal);
      all.push(...a.task_instances.map(exact));
      if (a.task_instances.length < PAGE || all.length >= a.total_entries) return all;
    }
  },
  importErrors: (signal) => get(`${V2}/importErrors`, { limit: 100 }, signal).then((a) => a.import_errors),
  health: (signal) => get(`${V2}/monitor/health`, {}, signal),
  version: (signal) => get(`${V2}/version`, {}, signal),
  pause: (dag, paused) => patch(`${V2}/dags/${e(dag)}`, { is_paused: paused }),
  trigger: (dag, conf) => post(`${V2}/dags/${e(dag)}/dagRuns`, { logical_date: null, conf }),
  stop: (dag, run) => patch(`${V2}/dags/${e(dag)}/dagRuns/${e(run)}`, { state: "failed" }),
  // Runs these tasks, and what comes after them, once more within the same run.
  retry: (dag, run, tasks) => post(`${V2}/dags/${e(dag)}/clearTaskInstances`,
    { dag_run_id: run, task_ids: tasks.map((id) => { const { task, map } = named(id); return map == null ? task : [task, map]; }), include_downstream: true, only_failed: false, reset_dag_runs: true, dry_run: false }),
  log: (dag, run, id, number, token, signal) => get(
    `${V2}/dags/${e(dag)}/dagRuns/${e(run)}/taskInstances/${e(named(id).task)}/logs/${number}`, { token, map_index: named(id).map }, signal),
  status: (signal) => get(`${OURS}/status`, {}, signal),
  services: (signal) => get(`${OURS}/services`, {}, signal).then((a) => a.services),
  why: (dag, run, id, signal) => get(`${OURS}/why`, { dag_id: dag, run_id: run, task_id: named(id).task, map_index: named(id).map }, signal),
};

// --- tracking: MLflow's REST --------------------------------------------------------------------------
const ML = "ajax-api/2.0/mlflow";
const ML3 = "ajax-api/3.0/mlflow";
const IS_PROMPT = "mlflow.prompt.is_prompt";
const like = (field, text) => (text ? `${field} ILIKE '%${text.replaceAll("'", "\\'")}%'` : null);
const both = (...clauses) => clauses.filter(Boolean).join(" AND ") || undefined;
const rows = (key) => (a) => ({ rows: a[key] || [], token: a.next_page_token || null, total: a.total });
const names = new Map(); // of experiments, as they were last seen

export const tracking = {
  // The first page says how many there are in all.
  experiments: ({ name, order, token, size = 100 }, signal) => post(`${ML}/experiments/search`,
    { max_results: size, order_by: [order || "last_update_time DESC"], filter: like("name", name) || undefined, view_type: "ACTIVE_ONLY", page_token: token || undefined, with_total: !token }, signal)
    .then(rows("experiments")).then((all) => { for (const x of all.rows) names.set(x.experiment_id, x.name); return all; }),
  // The names of these experiments by their ids, asked for once.
  names: async (ids, signal) => {
    const unknown = [...new Set(ids)].filter((id) => id && !names.has(id));
    if (unknown.length) {
      const { experiments = [] } = await post(`${ML}/experiments/search`, { max_results: unknown.length, view_type: "ALL",
        filter: `experiment_id IN (${unknown.map((id) => `'${id}'`).join(", ")})` }, signal);
      for (const x of experiments) names.set(x.experiment_id, x.name);
    }
    return Object.fromEntries(ids.map((id) => [id, names.get(id) ?? id]));
  },
  experiment: (id, signal) => get(`${ML}/experiments/get`, { experiment_id: id }, signal).then((a) => a.experiment),
  describe: (id, text) => post(`${ML}/experiments/set-experiment-tag`, { experiment_id: id, key: "mlflow.note.content", value: text }),
  deleteRun: (id) => post(`${ML}/runs/delete`, { run_id: id }),
  restoreRun: (id) => post(`${ML}/runs/restore`, { run_id: id }),
  // query.everywhere: in all experiments
  runs: (query, signal) => post(`${ML}/runs/search`, query, signal),
  run: (id, signal) => get(`${ML}/runs/get`, { run_id: id }, signal).then((a) => a.run),
  history: (id, key, signal) => get(`${ML}/metrics/get-history`,
    { run_id: id, metric_key: key, max_results: 25000 }, signal).then((a) => a.metrics || []),
  // Of several runs, thinned out evenly where they are long.
  histories: (ids, key, signal) => get(`${ML}/metrics/get-history-bulk-interval`, { run_ids: ids, metric_key: key, max_results: 1000 }, signal).then((a) => a.metrics || []),
  artifacts: (id, path, signal) => get(`${ML}/artifacts/list`, { run_id: id, path: path || undefined }, signal)
    .then((a) => a.files || []),
  artifactUrl: (id, path) => `get-artifact?${new URLSearchParams({ path, run_uuid: id })}`,
  artifact: (id, path, as, signal) => request("GET", tracking.artifactUrl(id, path), { as, signal }),
  models: ({ name, order, token, size = 100 }, signal) => get(`${ML}/registered-models/search`,
    { max_results: size, filter: like("name", name), order_by: order || undefined, page_token: token, with_total: token ? undefined : true }, signal).then(rows("registered_models")),
  model: (name, signal) => get(`${ML}/registered-models/get`, { name }, signal).then((a) => a.registered_model),
  search: (filter, signal) => get(`${ML}/model-versions/search`, { filter, max_results: 500 }, signal)
    .then((a) => a.model_versions || []),
  versions: (name, signal) => tracking.search(`name='${name.replaceAll("'", "\\'")}'`, signal),

  // traces: of this experiment, or of all; the newest first
  traces: (id, filter, token, size, signal) => post(`${ML3}/traces/search`, {
    ...(id ? { locations: [{ type: "MLFLOW_EXPERIMENT", mlflow_experiment: { experiment_id: id } }] } : { everywhere: true }),
    filter: filter || undefined, max_results: Math.min(size, 500), order_by: ["timestamp_ms DESC"], page_token: token || undefined }, signal).then(rows("traces")),
  // Spans that are not in the database (500) are a file among the trace's artifacts, if clients have sent it.
  trace: (id, signal) => get(`${ML3}/traces/get`, { trace_id: id }, signal).then((a) => a.trace, async (error) => {
    if (error.status !== 500) throw error;
    const { trace } = await get(`${ML3}/traces/${e(id)}`, {}, signal).catch(() => { throw error; });
    const file = await get(`${ML3}/get-trace-artifact`, { request_id: id }, signal).catch((why) => { if (why.status !== 404) throw why; return { spans: [] }; });
    return { ...trace, spans: file.spans.map(spanOfFile) };
  }),
  deleteTrace: (experiment, id) => post(`${ML3}/traces/delete-traces`, { experiment_id: experiment, request_ids: [id] }),
  assess: (id, assessment) => post(`${ML3}/traces/${e(id)}/assessments`, { assessment: { trace_id: id, ...assessment } }),
  deleteAssessment: (id, which) => request("DELETE", `${ML3}/traces/${e(id)}/assessments/${e(which)}`),

  // prompts: registered models with a tag, as MLflow keeps them
  prompts: (name, token, size, signal) => get(`${ML}/registered-models/search`, { max_results: size, page_token: token, with_total: token ? undefined : true,
    filter: both(`tags.\`${IS_PROMPT}\` = 'true'`, like("name", name)) }, signal).then(rows("registered_models")),
  promptVersions: (name, token, signal) => get(`${ML}/model-versions/search`, { max_results: 100, page_token: token, order_by: "version_number DESC",
    filter: both(`name = '${name.replaceAll("'", "\\'")}'`, `tags.\`${IS_PROMPT}\` = 'true'`) }, signal).then(rows("model_versions")),
  newPrompt: (name) => post(`${ML}/registered-models/create`, { name, tags: [{ key: IS_PROMPT, value: "true" }] }),
  newPromptVersion: (name, text, type, description) => post(`${ML}/model-versions/create`, { name, source: "dummy-source", description, tags: [
    { key: IS_PROMPT, value: "true" }, { key: "_mlflow_prompt_type", value: type }, { key: "mlflow.prompt.text", value: text }] }),
  setAlias: (name, alias, version) => post(`${ML}/registered-models/alias`, { name, alias, version }),
  deleteAlias: (name, alias) => request("DELETE", `${ML}/registered-models/alias`, { body: { name, alias } }),

  datasets: (name, token, signal) => post(`${ML3}/datasets/search`, { max_results: 100, page_token: token || undefined,
    filter_string: like("name", name) || undefined, order_by: ["last_update_time DESC"] }, signal).then(rows("datasets")),
  dataset: (id, signal) => get(`${ML3}/datasets/${e(id)}`, {}, signal).then((a) => a.dataset),
  records: (id, token, signal) => get(`${ML3}/datasets/${e(id)}/records`, { max_results: 100, page_token: token }, signal)
    .then((a) => ({ rows: JSON.parse(a.records || "[]"), token: a.next_page_token || null })),
  datasetExperiments: (id, signal) => get(`${ML3}/datasets/${e(id)}/experiment-ids`, {}, signal).then((a) => a.experiment_ids || []),
  deleteDataset: (id) => request("DELETE", `${ML3}/datasets/${e(id)}`),

  webhooks: (token, signal) => get(`${ML}/webhooks`, { max_results: 100, page_token: token }, signal).then(rows("webhooks")),
  saveWebhook: (id, body) => (id ? patch(`${ML}/webhooks/${e(id)}`, body) : post(`${ML}/webhooks`, body)),
  deliveries: (id, signal) => get(`${ML}/webhooks/${e(id)}/deliveries`, {}, signal).then((a) => a.deliveries),
  testWebhook: (id) => post(`${ML}/webhooks/${e(id)}/test`, {}).then((a) => a.result),
  deleteWebhook: (id) => request("DELETE", `${ML}/webhooks/${e(id)}`),
};

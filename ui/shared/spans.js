// A trace's spans: OTLP's values as plain ones, the tree of them, and what each one is to its trace in time.
const MOST = 1000;   // spans shown of one trace
const DEEPEST = 400; // levels followed

// {string_value: …} and its like as the value they stand for.
export function plain(value) {
  if (value == null || typeof value !== "object") return value ?? null;
  if ("string_value" in value) return value.string_value;
  if ("bool_value" in value) return value.bool_value;
  if ("int_value" in value) return Number(value.int_value);
  if ("double_value" in value) return value.double_value;
  if ("array_value" in value) return (value.array_value.values || []).map(plain);
  if ("kvlist_value" in value) return attributes(value.kvlist_value.values);
  if ("bytes_value" in value) return value.bytes_value;
  return null;
}

export const attributes = (list) => Object.fromEntries((list || []).map(({ key, value }) => [key, plain(value)]));

const parsed = (text) => { try { return JSON.parse(text); } catch { return text; } };

// A span of a file, in either of the forms that clients before MLflow 3.6 wrote, as one of the API. Each value is JSON.
export function spanOfFile(s) {
  const values = (object) => Object.entries(object || {}).map(([key, value]) => ({ key, value: { string_value: parsed(value) } }));
  const code = s.status?.code ?? s.status_code ?? "";
  return { span_id: s.span_id ?? s.context?.span_id, parent_span_id: s.parent_span_id ?? s.parent_id, name: s.name, attributes: values(s.attributes),
    start_time_unix_nano: s.start_time_unix_nano ?? s.start_time, end_time_unix_nano: s.end_time_unix_nano ?? s.end_time,
    status: { code: String(code).endsWith("ERROR") ? "STATUS_CODE_ERROR" : code, message: s.status?.message ?? s.status_message },
    events: (s.events || []).map((e) => ({ name: e.name, time_unix_nano: e.time_unix_nano ?? e.timestamp, attributes: values(e.attributes) })) };
}

const ms = (nano) => Number(nano || 0) / 1e6;

function read(span) {
  const { "mlflow.spanInputs": inputs, "mlflow.spanOutputs": outputs, "mlflow.spanType": type, ...rest } = attributes(span.attributes);
  return { id: span.span_id, parent: span.parent_span_id || null, name: span.name || "(no name)", type: type || "", inputs, outputs,
    attributes: rest, start: ms(span.start_time_unix_nano), end: span.end_time_unix_nano ? ms(span.end_time_unix_nano) : null,
    failed: span.status?.code === "STATUS_CODE_ERROR", message: span.status?.message || "",
    events: (span.events || []).map((e) => ({ name: e.name, at: ms(e.time_unix_nano), attributes: attributes(e.attributes) })) };
}

// Parents before their children, siblings by time: { list: [{…, depth}], start, end, left }. A span whose parent
// is not there, or is itself, stands at the top.
export function spanTree(raw) {
  const all = raw.map(read);
  const known = new Set(all.map((s) => s.id));
  const below = new Map();
  for (const s of all) {
    const under = s.parent && s.parent !== s.id && known.has(s.parent) ? s.parent : null;
    if (!below.has(under)) below.set(under, []);
    below.get(under).push(s);
  }
  const byTime = (a, b) => a.start - b.start;
  const list = [], seen = new Set();
  const stack = (below.get(null) || []).sort(byTime).reverse().map((s) => [s, 0]);
  const follow = () => {
    while (stack.length) {
      const [s, depth] = stack.pop();
      if (seen.has(s)) continue;
      seen.add(s);
      list.push({ ...s, depth });
      if (depth < DEEPEST) for (const child of (below.get(s.id) || []).sort(byTime).reverse()) stack.push([child, depth + 1]);
    }
  };
  follow();
  for (const s of all) if (!seen.has(s)) { stack.push([s, 0]); follow(); } // a ring of parents
  const start = all.reduce((least, s) => Math.min(least, s.start), Infinity);
  const end = all.reduce((most, s) => Math.max(most, s.end ?? s.start), -Infinity);
  return { list: list.slice(0, MOST), left: Math.max(0, list.length - MOST), start, end };
}

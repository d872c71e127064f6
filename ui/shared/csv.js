// Tables for other programs: RFC 4180, and no cell that a spreadsheet would take for a formula.
const quote = (value) => {
  let text = value == null ? "" : String(value);
  if (/^[=+\-@\t\r]/.test(text) && !/^[+-]?(\d|\.\d|Infinity)/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : text;
};

export const csv = (rows) => rows.map((row) => row.map(quote).join(",")).join("\r\n") + "\r\n";

const time = (ms) => (Number(ms) ? new Date(Number(ms)).toISOString() : "");

// One row a run: what it is, then each parameter, metric and tag that any of them has.
export function runsCsv(runs) {
  const keys = (kind) => [...new Set(runs.flatMap((r) => (r.data[kind] || []).map((x) => x.key)))].sort();
  const inner = (key) => key.startsWith("mlflow.");
  const kinds = [["params", keys("params")], ["metrics", keys("metrics")], ["tags", keys("tags").filter((k) => !inner(k))]];
  const row = ({ info, data }) => {
    const of = Object.fromEntries(kinds.map(([kind]) => [kind, new Map((data[kind] || []).map((x) => [x.key, x.value]))]));
    return [info.run_id, info.run_name, info.status, time(info.start_time), time(info.end_time), info.user_id,
      ...kinds.flatMap(([kind, list]) => list.map((k) => of[kind].get(k)))];
  };
  return csv([["run_id", "name", "status", "started", "ended", "user", ...kinds.flatMap(([kind, list]) => list.map((k) => `${kind}.${k}`))], ...runs.map(row)]);
}

export function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  const a = document.createElement("a");
  Object.assign(a, { href: url, download: name });
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

// Connections and variables: what pipelines need to reach other machines. Secrets are written, never shown.
import { h, replace, head, ask, note } from "./shared/dom.js";
import { request, get, post, patch, may } from "./shared/api.js";
import { below, sheet, empty } from "./shared/panel.js";

const V2 = "api/v2";
const e = encodeURIComponent;

const field = (label, name, value, more = {}) => h("label", { class: "field" }, label,
  h("input", { name, value: value ?? "", autocomplete: "off", ...more }));
const area = (label, name, value, more = {}) => h("label", { class: "field" }, label,
  h("textarea", { name, rows: "3", value: value ?? "", ...more }));

// What a form says, without the fields left empty.
function filled(form, names) {
  const out = {};
  for (const n of names) out[n] = form.get(n) === "" ? null : form.get(n);
  return out;
}

async function tell(promise, done) {
  try {
    await promise;
    note(done);
    return true;
  } catch (error) {
    note(error.message, "bad");
    return false;
  }
}

async function editConnection(old, reload) {
  const form = await ask(old ? `Connection ${old.connection_id}` : "A new connection", h("div", { class: "stack" },
    old ? null : field("Name", "connection_id", "", { required: true, pattern: "[^\\/]+" }),
    field("Type", "conn_type", old?.conn_type, { required: true, placeholder: "postgres, http, google_cloud_platform…" }),
    field("Host", "host", old?.host), field("Port", "port", old?.port, { inputmode: "numeric", pattern: "[0-9]*" }),
    field("Schema", "schema", old?.schema), field("Login", "login", old?.login),
    field("Password", "password", old?.password, { type: "password" }),
    area("Extra (JSON)", "extra", old?.extra), field("What it is for", "description", old?.description)),
  old ? "Save" : "Create");
  if (!form) return;
  const body = filled(form, ["conn_type", "host", "schema", "login", "password", "extra", "description"]);
  body.port = form.get("port") ? Number(form.get("port")) : null;
  body.connection_id = old ? old.connection_id : form.get("connection_id");
  const done = old ? patch(`${V2}/connections/${e(old.connection_id)}`, body) : post(`${V2}/connections`, body);
  if (await tell(done, old ? "Saved" : "Created")) reload();
}

async function editVariable(old, reload) {
  const form = await ask(old ? `Variable ${old.key}` : "A new variable", h("div", { class: "stack" },
    old ? null : field("Name", "key", "", { required: true, pattern: "[^\\/]+" }),
    area("Value", "value", old?.value), field("What it is for", "description", old?.description)), old ? "Save" : "Create");
  if (!form) return;
  const body = { key: old ? old.key : form.get("key"), value: form.get("value"), description: form.get("description") || null };
  const done = old ? patch(`${V2}/variables/${e(old.key)}`, body) : post(`${V2}/variables`, body);
  if (await tell(done, old ? "Saved" : "Created")) reload();
}

async function remove(what, path, reload) {
  if (!await ask(`Delete ${what}?`, h("p", {}, "Pipelines that use it will fail until it is there again."), "Delete")) return;
  if (await tell(request("DELETE", path), "Deleted")) reload();
}

// The answer stays in the row, in the server's own words.
async function test(c, button, told) {
  button.disabled = true;
  replace(told, "testing…");
  let answer;
  try {
    answer = await post(`${V2}/connections/test`, { connection_id: c.connection_id });
  } catch (error) {
    answer = { status: false, message: error.message };
  }
  button.disabled = false;
  replace(told, h("span", { class: answer.status ? "good" : "bad" }, answer.status ? "✓ " : "✗ ", answer.message));
}

const buttons = (edit, drop, more = null) => h("td", { class: "num" }, h("span", { class: "row end" }, more,
  h("button", { type: "button", onclick: edit }, "Edit"), h("button", { type: "button", onclick: drop }, "Delete")));

function connectionRow(c, reload) {
  const told = h("div", { class: "quiet told", role: "status" });
  return h("tr", {},
    h("th", { scope: "row" }, c.connection_id, c.description ? h("div", { class: "quiet", style: { "font-weight": "400" } }, c.description) : null, told),
    h("td", { class: "wide" }, c.conn_type), h("td", { class: "mono any" }, [c.host, c.port].filter(Boolean).join(":")), h("td", { class: "wide" }, c.login || ""),
    h("td", { class: "wide" }, c.password ? "set" : "—"),
    buttons(() => editConnection(c, reload), () => remove(c.connection_id, `${V2}/connections/${e(c.connection_id)}`, reload),
      h("button", { type: "button", onclick: (event) => test(c, event.currentTarget, told) }, "Test")));
}

const variableRow = (v, reload) => h("tr", {},
  h("th", { scope: "row" }, v.key, v.description ? h("div", { class: "quiet", style: { "font-weight": "400" } }, v.description) : null),
  h("td", { class: "mono" }, v.value?.length > 80 ? `${v.value.slice(0, 80)}…` : v.value ?? "cannot be opened"),
  buttons(() => editVariable(v, reload), () => remove(v.key, `${V2}/variables/${e(v.key)}`, reload)));

const table = (names, rows) => h("div", { class: "scroll" }, h("table", {},
  h("thead", {}, h("tr", {}, names.map((n) => h("th", { class: ["Type", "Login", "Password"].includes(n) ? "wide" : null }, n)), h("th", {}, ""))), h("tbody", {}, rows)));

export async function mount(root, { signal, title }) {
  title("Connections");
  if (!await may("op")) {
    replace(root, head("Connections"), h("section", { class: "sheet" }, empty("Only operators see connections and variables",
      h("span", {}, "An administrator gives the role on the machine:"), h("pre", {}, "onebox user role NAME -r op"))));
    return;
  }
  const connections = sheet({ title: "Connections", count: (l) => l.length || "", signal, lines: 4,
    right: h("button", { type: "button", onclick: () => editConnection(null, () => connections.reload()) }, "New connection"),
    load: async (s) => (await get(`${V2}/connections`, { limit: 1000 }, s)).connections,
    view: (list) => (list.length ? table(["Name", "Type", "Host", "Login", "Password"], list.map((c) => connectionRow(c, () => connections.reload())))
      : empty("No connections yet", h("span", {}, "Made here, or by a command that takes it from its input:"),
        h("pre", {}, "onebox connections set warehouse - <<< 'postgres://login:password@host/db'"))) });
  const variables = sheet({ title: "Variables", count: (l) => l.length || "", signal, lines: 4,
    right: h("button", { type: "button", onclick: () => editVariable(null, () => variables.reload()) }, "New variable"),
    load: async (s) => (await get(`${V2}/variables`, { limit: 1000 }, s)).variables,
    view: (list) => (list.length ? table(["Name", "Value"], list.map((v) => variableRow(v, () => variables.reload())))
      : empty("No variables yet", h("span", {}, "A pipeline uses one as {{var.value.NAME}}"))) });
  replace(root, head("Connections", { sub: h("span", {}, "Kept sealed; a running task asks for them with its own token.") }), h("div", { class: "stack" }, connections, below([connections], variables)));
}

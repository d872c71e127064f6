// Webhooks: whom the registry tells of what happens in it. Administrators only; a secret is written, never shown.
import { h, replace, head, ask, note, setQuery } from "./shared/dom.js";
import { tracking, may } from "./shared/api.js";
import { empty, sheet } from "./shared/panel.js";
import { paged } from "./shared/paged.js";
import { badge } from "./shared/state.js";
import { when } from "./shared/time.js";

const EVENTS = { REGISTERED_MODEL: ["CREATED"], MODEL_VERSION: ["CREATED"], MODEL_VERSION_TAG: ["SET", "DELETED"], MODEL_VERSION_ALIAS: ["CREATED", "DELETED"],
  PROMPT: ["CREATED"], PROMPT_VERSION: ["CREATED"], PROMPT_TAG: ["SET", "DELETED"], PROMPT_VERSION_TAG: ["SET", "DELETED"], PROMPT_ALIAS: ["CREATED", "DELETED"] };
const words = ({ entity, action }) => `${entity.toLowerCase().replaceAll("_", " ")} ${action.toLowerCase()}`;

async function edit(old, reload) {
  const has = new Set((old?.events || []).map((x) => `${x.entity}.${x.action}`));
  const field = (label, name, value, more = {}) => h("label", { class: "field" }, label, h("input", { name, value: value ?? "", autocomplete: "off", ...more }));
  const form = await ask(old ? `Webhook ${old.name}` : "A new webhook", h("div", { class: "stack" },
    field("Name", "name", old?.name, { required: true, pattern: "[A-Za-z0-9]([A-Za-z0-9._\\-]*[A-Za-z0-9])?", maxlength: "62", title: "Letters, digits, . _ - ; it begins and ends with a letter or a digit" }),
    field("Address", "url", old?.url, { required: true, type: "url", placeholder: "https://example.org/hook", pattern: "https://.*", title: "An address that begins with https://" }),
    field("What it is for", "description", old?.description),
    field(old ? "Secret (empty: as it was)" : "Secret (signs what is sent; may be empty)", "secret", "", { type: "password", autocomplete: "new-password" }),
    h("fieldset", { class: "events" }, h("legend", {}, "Tell of"), Object.entries(EVENTS).flatMap(([entity, actions]) => actions.map((action) =>
      h("label", { class: "check" }, h("input", { type: "checkbox", name: "event", value: `${entity}.${action}`, checked: has.has(`${entity}.${action}`) }), words({ entity, action }))))),
    h("label", { class: "check" }, h("input", { type: "checkbox", name: "active", checked: old ? old.status === "ACTIVE" : true }), "Active")), old ? "Save" : "Create");
  if (!form) return;
  const events = form.getAll("event").map((x) => ({ entity: x.split(".")[0], action: x.split(".")[1] }));
  if (!events.length) { note("Choose at least one event to tell of", "bad"); return; }
  const body = { name: form.get("name"), url: form.get("url"), description: form.get("description"), events, status: form.get("active") ? "ACTIVE" : "DISABLED" };
  if (form.get("secret")) body.secret = form.get("secret");
  await tracking.saveWebhook(old?.webhook_id, body).then(() => { note(old ? "Saved" : "Created"); reload(); }, (error) => note(error.message, "bad"));
}

async function drop(w, reload) {
  if (!await ask(`Delete ${w.name}?`, h("p", {}, `${w.url} is told nothing any more, nor what still waits to be told.`), "Delete")) return;
  await tracking.deleteWebhook(w.webhook_id).then(() => { note("Deleted"); reload(); }, (error) => note(error.message, "bad"));
}

// What it was told lately, below all webhooks: when, what it answered, and when it is tried again.
function deliveries(w, signal, close) {
  const state = (d) => (d.state === "WAITING" && d.attempts ? "again" : d.state);
  const answer = (d) => [d.response_status ? `it answered ${d.response_status}` : null, d.error_message].filter(Boolean).join(": ");
  const open = new Set();
  const row = (d) => h("tr", {}, h("td", { class: "nowrap" }, when(d.queued_timestamp)), h("td", { class: "fit" }, badge(state(d))),
    h("th", { scope: "row", class: "main" }, h("details", { open: open.has(d.delivery_id), ontoggle: (e) => (e.target.open ? open.add(d.delivery_id) : open.delete(d.delivery_id)) },
      h("summary", { "data-key": d.delivery_id }, words(d), d.is_test ? h("span", { class: "tag" }, "test") : null),
      h("pre", { class: "told-message" }, d.message), h("div", { class: "faint mono" }, d.delivery_id))),
    h("td", { class: "any wide" }, answer(d)), h("td", { class: "num" }, d.attempts), h("td", { class: "nowrap wide" }, d.next_timestamp ? when(d.next_timestamp) : ""));
  return sheet({ title: `Told ${w.name} lately`, label: "Deliveries", count: (l) => l.length || "", signal, every: 5000, lines: 5,
    right: h("button", { type: "button", onclick: close }, "Close"),
    load: (s) => tracking.deliveries(w.webhook_id, s),
    view: (list) => (!list.length ? empty("Nothing yet", h("span", {}, "What it is told appears here, with its answer; Test tells it something now."))
      : h("div", { class: "scroll" }, h("table", { class: "long" },
        h("thead", {}, h("tr", {}, h("th", {}, "When"), h("th", {}, "State"), h("th", {}, "Event"), h("th", { class: "wide" }, "Answer"), h("th", { class: "num" }, "Attempts"), h("th", { class: "wide" }, "Again"))),
        h("tbody", {}, list.map(row))))) });
}

// The answer stays in the row.
async function test(w, button, told, reload) {
  button.disabled = true;
  replace(told, "sending…");
  const answer = await tracking.testWebhook(w.webhook_id).catch((error) => ({ success: false, error_message: error.message }));
  button.disabled = false;
  const status = answer.response_status ? `it answered ${answer.response_status}` : null;
  replace(told, h("span", { class: answer.success ? "good" : "bad" }, answer.success ? "✓ " : "✗ ",
    [status, answer.success ? null : answer.error_message || (answer.response_body || "").slice(0, 200)].filter(Boolean).join(": ") || "told"));
  reload();
}

function row(w, reload, look) {
  const told = h("div", { class: "quiet told", role: "status" });
  return h("tr", {},
    h("th", { scope: "row", class: "main" }, w.name, w.description ? h("div", { class: "quiet", style: { "font-weight": "400" } }, w.description) : null,
      h("div", { class: "mono faint any", style: { "font-weight": "400" } }, w.url), told),
    h("td", { class: "wide" }, h("span", { class: "row tags" }, (w.events || []).map((x) => h("span", { class: "tag" }, words(x))))),
    h("td", {}, badge(w.status)), h("td", { class: "wide nowrap" }, when(Number(w.last_updated_timestamp) || null)),
    h("td", { class: "num" }, h("span", { class: "row end" }, h("button", { type: "button", onclick: (event) => test(w, event.currentTarget, told, look.again) }, "Test"),
      h("button", { type: "button", "data-key": `look-${w.webhook_id}`, onclick: () => look(w) }, "Deliveries"),
      h("button", { type: "button", onclick: () => edit(w, reload) }, "Edit"), h("button", { type: "button", onclick: () => drop(w, reload) }, "Delete"))));
}

export async function mount(root, { signal, title, params }) {
  title("Webhooks");
  if (!await may("admin")) {
    replace(root, head("Webhooks"), h("section", { class: "sheet" }, empty("Only administrators see webhooks", h("span", {}, "An administrator gives the role on the machine:"), h("pre", {}, "onebox user role NAME -r admin"))));
    return;
  }
  const below = h("div", {});
  let stop = null, wanted = params.get("of"), shown = null;
  function look(w) {
    stop?.abort();
    stop = new AbortController();
    signal.addEventListener("abort", () => stop.abort());
    setQuery({ of: w?.webhook_id });
    shown = w ? deliveries(w, stop.signal, () => look(null)) : null;
    replace(below, shown);
    shown?.scrollIntoView({ block: "nearest" });
  }
  look.again = () => shown?.reload();
  const all = paged({ title: "All webhooks", signal, every: 30000, lines: 4,
    right: h("button", { type: "button", onclick: () => edit(null, () => all.restart()) }, "New webhook"),
    load: (token, s) => tracking.webhooks(token, s),
    view: (list) => {
      const old = list.find((w) => w.webhook_id === wanted);
      wanted = null;
      if (old) look(old);
      return table(list);
    },
    none: () => { look(null); return empty("No webhooks yet", h("span", {}, "An address that is told when a model, a prompt or an alias changes; what is sent is signed and tried again.")); } });
  const table = (list) => h("div", { class: "scroll" }, h("table", { class: "long" },
      h("thead", {}, h("tr", {}, h("th", {}, "Webhook"), h("th", { class: "wide" }, "Tells of"), h("th", {}, "State"), h("th", { class: "wide" }, "Changed"), h("th", {}, h("span", { class: "hidden" }, "Actions")))),
      h("tbody", {}, list.map((w) => row(w, () => all.restart(), look)))));
  replace(root, head("Webhooks"), h("div", { class: "stack" }, all, below));
}

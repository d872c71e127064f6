// One prompt: its versions, the text of each, what changed between two, and which version an alias means.
import { h, page, replace, head, setQuery, ask, note } from "./shared/dom.js";
import { tracking, may } from "./shared/api.js";
import { belongs, place, empty } from "./shared/panel.js";
import { paged } from "./shared/paged.js";
import { when } from "./shared/time.js";
import { textdiff } from "./shared/textdiff.js";

const tagOf = (v, key) => v.tags?.find((t) => t.key === key)?.value;
const textOf = (v) => tagOf(v, "mlflow.prompt.text") ?? "";
const typeOf = (v) => tagOf(v, "_mlflow_prompt_type") || "text";

// A chat's messages as a text one can read and compare.
function readable(v) {
  if (typeOf(v) !== "chat") return textOf(v);
  try {
    return JSON.parse(textOf(v)).map((m) => `${m.role}:\n${typeof m.content === "string" ? m.content : JSON.stringify(m.content, null, 2)}`).join("\n\n");
  } catch { return textOf(v); }
}

// {{name}} is what the application fills in.
const withVariables = (text) => text.split(/(\{\{[^{}]*\}\})/).map((part, i) => (i % 2 ? h("mark", {}, part) : part));

const SIGN = { same: " ", gone: "−", come: "+" };
function compare(before, after) {
  const lines = textdiff(readable(before), readable(after));
  if (!lines) return h("p", { class: "quiet" }, "Too long to compare here.");
  if (lines.every((l) => l.kind === "same")) return h("p", { class: "quiet" }, `Versions ${before.version} and ${after.version} have the same text.`);
  return h("pre", { class: "diff", tabindex: "0", "aria-label": `From version ${before.version} to version ${after.version}` },
    lines.map((l) => h("div", { class: l.kind }, h("span", { "aria-hidden": "true" }, SIGN[l.kind], " "), l.kind === "same" ? null : h("span", { class: "hidden" }, l.kind === "gone" ? "removed: " : "added: "), l.text)));
}

const told = (promise, done) => promise.then(() => { note(done); return true; }, (error) => { note(error.message, "bad"); return false; });

export function mount(root, { signal, title, params }) {
  const name = params.get("name");
  title(name);
  let chosen = params.get("version"), against = params.get("against") || "", list = [], model = null, write = false;
  const pane = h("section", { class: "sheet pinned", "aria-label": "Text" });

  const top = place({ lines: 2, signal, every: 15000, load: async (s) => ({ m: await tracking.model(name, s), w: await may("user") }), view: ({ m, w }) => {
    model = m;
    write = w;
    if (list.length) draw();
    return head(m.name, { crumb: h("a", { href: page("prompts") }, "Prompts"),
      sub: [h("span", {}, "changed ", when(Number(m.last_updated_timestamp) || null)), m.description ? h("span", {}, m.description) : null],
      actions: w ? h("button", { type: "button", "data-key": "fresh", onclick: fresh }, "New version") : null });
  } });

  const versionAliases = (v) => (model?.aliases || []).filter((a) => String(a.version) === String(v.version)).map((a) => a.alias);
  const again = () => { top.reload(); versions.restart(); };

  async function fresh() {
    const last = list[0];
    if (last && typeOf(last) !== "text") { note("Chat prompts are made by a client: mlflow.genai.register_prompt(template=[…])", "bad"); return; }
    const form = await ask(`A new version of ${name}`, h("div", { class: "stack" },
      h("label", { class: "field" }, "Text", h("textarea", { name: "text", rows: "10", required: true, value: last ? textOf(last) : "" })),
      h("label", { class: "field" }, "What changed", h("input", { name: "what", autocomplete: "off" }))), "Save");
    if (!form) return;
    chosen = null;
    setQuery({ version: "" });
    if (await told(tracking.newPromptVersion(name, form.get("text"), "text", form.get("what")), "Saved")) again();
  }

  async function giveAlias(v) {
    const form = await ask(`An alias for version ${v.version}`, h("label", { class: "field" }, "Alias", h("input", { name: "alias", required: true, placeholder: "production", autocomplete: "off", pattern: "[\\w.\\-]+", title: "Letters, digits, - _ ." })), "Set");
    if (form && await told(tracking.setAlias(name, form.get("alias"), String(v.version)), "Set")) again();
  }
  async function takeAlias(alias) {
    if (await ask(`Take the alias “${alias}” away?`, h("p", {}, `Applications that load prompts:/${name}@${alias} will fail until it is set again.`), "Take away") &&
      await told(tracking.deleteAlias(name, alias), "Taken away")) again();
  }

  function draw() {
    const v = list.find((x) => String(x.version) === String(chosen)) || list[0];
    const other = against && list.find((x) => String(x.version) === against && x !== v);
    for (const row of versions.querySelectorAll("tbody tr")) row.dataset.version === String(v.version) ? row.setAttribute("aria-current", "true") : row.removeAttribute("aria-current");
    const choose = h("select", { "aria-label": "Compare with", "data-key": "against", onchange: () => { against = choose.value; setQuery({ against }); draw(); } },
      h("option", { value: "" }, "Compare with…"), list.filter((x) => x !== v).map((x) => h("option", { value: String(x.version), selected: x === other }, `version ${x.version}`)));
    const named = versionAliases(v);
    const address = named.length ? `@${named[0]}` : `/${v.version}`;
    replace(pane, h("header", {}, h("h2", {}, `Version ${v.version}`), h("span", { class: "count" }, typeOf(v) === "chat" ? "chat" : ""),
      named.map((a) => h("span", { class: "tag strong" }, a, write ? h("button", { type: "button", class: "link x", "aria-label": `Take the alias ${a} away`, onclick: () => takeAlias(a) }, "×") : null)),
      h("div", { class: "right" }, write ? h("button", { type: "button", "data-key": "alias", onclick: () => giveAlias(v) }, "Alias") : null, list.length > 1 ? choose : null)),
    h("div", { class: "body stack" }, v.description ? h("p", { class: "quiet" }, v.description) : null,
      other ? compare(other, v) : h("pre", { class: "prompt", tabindex: "0" }, withVariables(readable(v))),
      h("div", { class: "block" }, h("h3", {}, "Use it"), h("pre", { tabindex: "0" }, `import mlflow\nprompt = mlflow.genai.load_prompt("prompts:/${name}${address}")`))));
  }

  const versions = paged({ title: "Versions", signal, every: 15000, lines: 5, load: (token, s) => tracking.promptVersions(name, token, s),
    view: (rows) => {
      list = rows;
      queueMicrotask(draw);
      return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", { class: "num fit" }, "Version"), h("th", {}, "What changed"), h("th", { class: "wide" }, "Registered"))),
        h("tbody", {}, rows.map((v) => h("tr", { "data-version": v.version },
          h("td", { class: "num" }, h("button", { type: "button", class: "link", "data-key": `v${v.version}`, "aria-label": `Version ${v.version}`, onclick: () => { chosen = v.version; setQuery({ version: chosen }); draw(); } }, h("b", {}, v.version))),
          h("td", { class: "any" }, v.description || h("span", { class: "faint" }, "—")), h("td", { class: "wide nowrap" }, when(Number(v.creation_timestamp))))))));
    },
    none: () => { replace(pane); return empty("No versions", h("span", {}, write ? "Write its first text with New version." : "Its versions appear here.")); } });
  replace(root, top, belongs(top, h("div", { class: "split" }, versions, pane)));
}

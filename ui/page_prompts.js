// Prompts: what there is, which version stands for what.
import { h, page, replace, head, ask, note } from "./shared/dom.js";
import { tracking, may } from "./shared/api.js";
import { empty } from "./shared/panel.js";
import { paged } from "./shared/paged.js";
import { when } from "./shared/time.js";
import { aliases, newest } from "./page_models.js";
import { go } from "./onebox.js";

async function make() {
  const form = await ask("A new prompt", h("div", { class: "stack" },
    h("label", { class: "field" }, "Name", h("input", { name: "name", required: true, autocomplete: "off", pattern: "[^\\/:]+", title: "Anything but / and :" })),
    h("label", { class: "field" }, "Text", h("textarea", { name: "text", rows: "8", required: true, placeholder: "Answer {{question}} shortly." })),
    h("label", { class: "field" }, "What it is for", h("input", { name: "what", autocomplete: "off" }))), "Create");
  if (!form) return;
  const name = form.get("name").trim();
  try {
    await tracking.newPrompt(name);
    await tracking.newPromptVersion(name, form.get("text"), "text", form.get("what"));
    go(page("prompt", { name }));
  } catch (error) {
    note(error.message, "bad");
  }
}

const shownTags = (m) => (m.tags || []).filter((t) => !t.key.startsWith("mlflow.") && !t.key.startsWith("_mlflow")).slice(0, 4)
  .map((t) => h("span", { class: "tag", title: `${t.key}: ${t.value}` }, `${t.key}: ${t.value}`));

const table = (list) => h("div", { class: "scroll" }, h("table", { class: "long" },
  h("thead", {}, h("tr", {}, h("th", {}, "Prompt"), h("th", {}, "Aliases"), h("th", { class: "wide" }, "Tags"), h("th", { class: "num" }, "Version"), h("th", { class: "wide" }, "Changed"))),
  h("tbody", {}, list.map((m) => h("tr", {},
    h("th", { scope: "row", class: "main" }, h("a", { href: page("prompt", { name: m.name }), "data-key": m.name }, m.name), m.description ? h("div", { class: "quiet clip", style: { "font-weight": "400", "max-width": "420px" } }, m.description) : null),
    h("td", {}, h("span", { class: "row" }, aliases(m))), h("td", { class: "wide" }, h("span", { class: "row tags" }, shownTags(m))), h("td", { class: "num" }, newest(m) || "—"),
    h("td", { class: "wide nowrap" }, when(Number(m.last_updated_timestamp) || null)))))));

export function mount(root, { signal, title, params }) {
  title("Prompts");
  let wanted = params.get("q") || "";
  const box = h("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter prompts", "data-search": true, value: wanted,
    oninput: () => { wanted = box.value; all.restart(); } });
  const fresh = h("button", { type: "button", hidden: true, onclick: make }, "New prompt");
  may("user").then((yes) => { fresh.hidden = !yes; });
  const all = paged({ title: "All prompts", right: [box, fresh], signal, every: 15000, lines: 5,
    load: (token, s, size) => tracking.prompts(wanted, token, size, s), view: table,
    none: () => (wanted ? empty(`No prompt is called “${wanted}”`) : empty("No prompts yet", h("span", {}, "A prompt that a client registers appears here, with every version of it:"),
      h("pre", {}, "mlflow.genai.register_prompt(name=\"answer\",\n  template=\"Answer {{question}} shortly.\")"))) });
  replace(root, head("Prompts"), h("div", { class: "stack" }, all));
}

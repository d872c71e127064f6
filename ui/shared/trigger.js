// Starting a run by hand, with a configuration if one is wanted.
import { ask, h, note, page } from "./dom.js";
import { scheduler } from "./api.js";
import { go } from "../onebox.js";

function read(text) {
  if (!text.trim()) return {};
  const conf = JSON.parse(text);
  if (conf === null || typeof conf !== "object" || Array.isArray(conf)) throw new SyntaxError("it must be an object, as {\"key\": \"value\"}");
  return conf;
}

export async function trigger(dag, before = "") {
  const wrong = h("p", { class: "wrong", hidden: true });
  const box = h("textarea", { name: "conf", rows: "5", spellcheck: "false", placeholder: "{\"key\": \"value\"}", value: before });
  const answer = await ask(`Run ${dag}`, [h("label", {}, "Configuration (JSON, may be empty)", box), wrong], "Run now");
  if (!answer) return;
  const text = String(answer.get("conf"));
  let conf;
  try { conf = read(text); } catch (error) {
    note(`Not a configuration: ${error.message}`, "bad");
    return trigger(dag, text);
  }
  try {
    const run = await scheduler.trigger(dag, conf);
    go(page("run", { dag, run: run.dag_run_id }));
  } catch (error) {
    note(`${dag} could not be started: ${error.message}`, "bad");
  }
}

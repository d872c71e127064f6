// The start: which page the address means, and moving between pages without loading the frame again.
import { h, replace, page } from "./shared/dom.js";
import { me, may, request } from "./shared/api.js";

const PAGES = ["home", "pipelines", "pipeline", "run", "experiments", "experiment", "training", "compare", "traces", "trace",
  "models", "model", "prompts", "prompt", "datasets", "dataset", "connections", "webhooks"];
const SECTION = { pipeline: "pipelines", run: "pipelines", experiment: "experiments", training: "experiments", compare: "experiments",
  trace: "traces", model: "models", prompt: "prompts", dataset: "datasets" };
// What a page is about, by its query: without it there is nothing to show.
const NEEDS = { pipeline: ["dag"], run: ["dag", "run"], experiment: ["id"], training: ["run"], trace: ["id"], model: ["name"],
  prompt: ["name"], dataset: ["id"] };
const main = document.getElementById("main");
let leave = new AbortController();

// MLflow clients print addresses of the form …/#/experiments/1/runs/ID: they lead to the same things here.
function fromHash() {
  const [, kind, a, sub, b] = location.hash.slice(1).split("/");
  if (kind === "experiments") return sub === "runs" && b ? page("training", { run: b }) : page("experiment", { id: a });
  if (kind === "models") return a ? page("model", { name: decodeURIComponent(a) }) : page("models");
  return null;
}

async function show() {
  const name = location.pathname.split("/").pop() || "home";
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  for (const a of document.querySelectorAll("[data-nav]")) {
    a.dataset.nav === (SECTION[name] || name) ? a.setAttribute("aria-current", "page") : a.removeAttribute("aria-current");
  }
  document.querySelector(".bar [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  const root = h("div", { class: "page" });
  const title = (text) => { document.title = text ? `${text} · onebox` : "onebox"; };
  title("");
  const params = new URLSearchParams(location.search);
  const missing = (NEEDS[name] || []).filter((key) => !params.get(key));
  if (!PAGES.includes(name) || missing.length) {
    replace(main, h("div", { class: "empty" }, h("b", {}, "There is no such page"),
      missing.length ? h("span", {}, `Its address does not say which ${name}: it needs ?${missing.map((key) => `${key}=…`).join("&")}`) : null,
      missing.length ? h("a", { href: page(SECTION[name]) }, `To the ${SECTION[name]}`) : h("a", { href: "./" }, "To the first page")));
    return;
  }
  try {
    const [module] = await Promise.all([import(`./page_${name}.js`), me()]);
    if (signal.aborted) return;
    replace(main, root);
    module.mount(root, { params, signal, title });
  } catch (error) {
    console.error(error);
    replace(main, h("div", { class: "empty" }, h("b", {}, "This page could not be loaded"), error.message,
      h("button", { type: "button", onclick: () => location.reload() }, "Load again")));
  }
}

export function go(href) {
  history.pushState(null, "", href);
  scrollTo(0, 0);
  show().then(() => main.focus({ preventScroll: true }));
}

const inside = (a) => a.origin === location.origin && !a.target && !a.hasAttribute("download") &&
  (PAGES.includes(a.pathname.split("/").pop() || "home")) &&
  a.pathname.replace(/[^/]*$/, "") === location.pathname.replace(/[^/]*$/, "");

document.addEventListener("click", (event) => {
  const a = event.target.closest?.("a[href]");
  if (!a || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.defaultPrevented) return;
  const href = a.getAttribute("href");
  if (typeof href !== "string" || href.startsWith("#")) return;
  const url = Object.assign(document.createElement("a"), { href });
  if (a.target || a.hasAttribute("download") || !inside(url)) return;
  event.preventDefault();
  go(url.href);
});
addEventListener("popstate", show);
addEventListener("hashchange", () => { const to = fromHash(); if (to) { history.replaceState(null, "", to); show(); } });

// "/" puts the cursor into the page's search box, as everywhere.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  const box = document.querySelector("[data-search]");
  if (box) { event.preventDefault(); box.focus(); box.select(); }
});

// Which clock the times are by, and whose words the server speaks.
async function foot(i) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const now = new Date().toLocaleTimeString("en-GB", { timeZoneName: "longOffset" }).split(" ").pop();
  const mlflow = (await request("GET", "version", { as: "text" }).catch(() => "")).trim();
  replace(document.getElementById("foot"), [i.version ? `onebox ${i.version}` : null, /^[\d.]+$/.test(mlflow) ? `speaks MLflow ${mlflow}` : null,
    `times in ${zone}${zone === "UTC" ? "" : ` (${now.replace("GMT", "UTC")})`}`].filter(Boolean).join(" · "));
}

async function who() {
  const i = await me();
  if (!i?.name) return;
  foot(i);
  for (const a of document.querySelectorAll("[data-role]")) a.hidden = !await may(a.dataset.role);
  replace(document.getElementById("who"), h("span", { class: "clip", title: `${i.name}: ${i.role}` }, i.name),
    i.how === "session" ? h("form", { method: "post", action: "logout" }, h("button", { class: "link" }, "Sign out")) : null);
}

const early = location.hash.length > 2 && fromHash();
if (early) history.replaceState(null, "", early);
show();
who();

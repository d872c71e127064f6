// What the tests of pages share: one browser, tests told as TAP, and what is looked for on every page.
import assert from "node:assert/strict";
import { Browser } from "./browser.mjs";

export const hostile = "<img src=x onerror=alert(1)>";
export const WIDE = { width: 1440, height: 900 }, NARROW = { width: 390, height: 844 };
export const base = process.argv[2];

const browser = await Browser.start();
const tests = [];
export const test = (name, run) => tests.push([name, run]);

// The page at this address, with all that it fetches first.
export async function see(path, view) {
  const page = await browser.page(view);
  await page.open(`${base}/${path}`);
  await page.settled();
  return page;
}

// The same, seen on the slowest of machines.
export async function seeSlowly(path, view) {
  const page = await browser.page(view);
  await page.openSlowly(`${base}/${path}`);
  return page;
}

export const fresh = (view) => browser.page(view);

export const clean = (page, path) => {
  assert.deepEqual(page.errors, [], path);
  assert.equal(page.dialogs, 0, "no script of a name may run");
};

export async function fits(page, view, path) {
  const wide = await page.eval("document.documentElement.scrollWidth");
  assert.ok(wide <= view.width, `${path} is ${wide - view.width} px too wide for ${view.width}`);
}

// Every control says what it is to somebody who does not see it.
export const nameless = (page) => page.eval(`[...document.querySelectorAll("a[href], button, input, textarea, select")].filter((e) => !(e.textContent.trim() ||
  e.getAttribute("aria-label") || e.title || e.placeholder || e.closest("label") || e.querySelector("[aria-label]"))).map((e) => e.outerHTML.slice(0, 120))`);

// Texts that stand out too little from what is behind them.
export const unreadable = (page) => page.eval(`(() => {
  const rgb = (s) => s.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (s) => { const [r, g, b] = rgb(s).map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const back = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!c.includes("0)") || c.startsWith("rgb(")) return c; } return "rgb(255, 255, 255)"; };
  return [...document.querySelectorAll("main *, header *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.checkVisibility({ visibilityProperty: true }) && !e.closest(".hidden")).map((e) => {
    const [a, b] = [light(getComputedStyle(e).color), light(back(e))].sort((x, y) => y - x);
    return [(a + .05) / (b + .05), e.textContent.trim().slice(0, 40)];
  }).filter(([c]) => c < 4.5);
})()`);

// What has moved by itself while the page loaded, by how much in all.
export async function still(page, path) {
  await page.frames();
  const shifts = await page.eval("window.shifts");
  const all = shifts.reduce((sum, s) => sum + s.value, 0);
  assert.ok(all < .02, `${path} shifts by ${all.toFixed(4)}:\n${shifts.map((s) => `${s.value.toFixed(4)}: ${s.what.join(" | ")}`).join("\n")}`);
}

export const press = (page, text, within = "main") => page.until(`(() => { const b = [...document.querySelectorAll(${JSON.stringify(`${within} button, ${within} a.button`)})].find((b) => b.textContent.trim() === ${JSON.stringify(text)} && !b.hidden && !b.disabled); b?.click(); return Boolean(b); })()`, `the button ${text}`);
export const shown = (page, text) => page.until(`document.querySelector("main").innerText.includes(${JSON.stringify(text)})`, `the text ${text}`);

// Runs them all; ends with 1 when one has failed. ONLY=WORDS runs those whose name has them.
export async function run() {
  const chosen = tests.filter(([name]) => name.includes(process.env.ONLY ?? ""));
  let bad = 0;
  console.log(`1..${chosen.length}`);
  for (const [i, [name, look]] of chosen.entries()) {
    const start = performance.now();
    const said = await look().then(() => null, (error) => error);
    if (said) bad++;
    console.log(`${said ? "not ok" : "ok"} ${i + 1} - ${name} # ${((performance.now() - start) / 1000).toFixed(1)} s`);
    if (said) console.log(String(said.stack).replace(/^/gm, "# "));
  }
  await browser.stop();
  process.exit(bad ? 1 : 0);
}

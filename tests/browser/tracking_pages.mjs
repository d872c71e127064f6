// Tracking's pages in a real browser, over a real onebox-tracking: node tracking_pages.mjs BASE IDS, where BASE is a
// fake_box.py in front of it and IDS what tracking_full.py made, as JSON. Prints TAP.
import assert from "node:assert/strict";
import { Browser } from "./browser.mjs";

const base = process.argv[2];
const ids = JSON.parse(process.argv[3]);
const hostile = "<img src=x onerror=alert(1)>";
const box = (path) => fetch(`${base}/${path}`).then((a) => a.text());
const ml = (method, path, body) => fetch(`${base}/ajax-api/${path}`, { method, body: body && JSON.stringify(body) }).then((a) => a.json());
const someRuns = (await ml("POST", "2.0/mlflow/runs/search", { experiment_ids: [ids.iris], max_results: 3 })).runs.map((r) => r.info.run_id);
const pages = ["traces", `trace?id=${ids.trace}`, `trace?id=${ids.wide}`, `trace?id=${ids.ring}`, "prompts", "prompt?name=answer&against=1", "prompt?name=chat", "datasets", `dataset?id=${ids.dataset}`,
  "webhooks", "experiments", `experiment?id=${ids.iris}`, `compare?experiment=${ids.iris}&runs=${someRuns}`, `training?run=${someRuns[0]}`, "models", "model?name=iris-model"];
const gone = ["trace?id=tr-0", "prompt?name=nobody", "dataset?id=d-0", "experiment?id=999", "training?run=00000000000000000000000000000000", "model?name=nobody"];

const browser = await Browser.start();
const tests = [];
const test = (name, run) => tests.push([name, run]);
async function see(path, view) {
  const page = await browser.page(view);
  await page.open(`${base}/${path}`);
  await page.settled();
  return page;
}
const clean = (page, path) => { assert.deepEqual(page.errors, [], path); assert.equal(page.dialogs, 0, "no script of a name may run"); };
const press = (page, text, within = "main") => page.until(`(() => { const b = [...document.querySelectorAll(${JSON.stringify(`${within} button, ${within} a.button`)})].find((b) => b.textContent.trim() === ${JSON.stringify(text)} && !b.hidden && !b.disabled); b?.click(); return Boolean(b); })()`, `the button ${text}`);
const shown = (page, text) => page.until(`document.querySelector("main").innerText.includes(${JSON.stringify(text)})`, text);

for (const width of [1440, 390]) {
  test(`full, every page fits ${width} px, has names for its controls and says nothing wrong`, async () => {
    for (const path of pages) {
      const page = await see(path, { width, height: 844 });
      assert.equal(await page.eval("document.documentElement.scrollWidth <= innerWidth"), true, `${path} is too wide`);
      assert.equal(await page.eval("document.querySelectorAll('main [role=alert]').length"), 0, `${path}: ${await page.text("main [role=alert]")}`);
      assert.equal(await page.eval("document.querySelectorAll('main img').length"), 0, path);
      assert.deepEqual(await page.eval(`[...document.querySelectorAll("a[href], button, input, textarea, select")].filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label") || e.title || e.closest("label") || e.querySelector("[aria-label]"))).map((e) => e.outerHTML.slice(0, 120))`), [], path);
      assert.deepEqual(await page.eval(`[...document.querySelectorAll("[href], [src]")].map((e) => e.getAttribute("href") ?? e.getAttribute("src")).filter((u) => u.startsWith("/") || u.startsWith("http"))`), [], `${path}: relative addresses only`);
      clean(page, path);
      await browser.closePages();
    }
  });
}

test("a server that fails, is away, or knows nobody is said on every page", async () => {
  try {
    for (const [scenario, wanted] of [["hurt", "the <b>disk</b> is full"], ["broken", "onebox up"]]) {
      await box(`scenario/${scenario}`);
      for (const path of pages) {
        const page = await see(path, { width: 390, height: 844 });
        await page.until(`document.querySelector("main [role=alert]")?.innerText.includes(${JSON.stringify(wanted)})`, `${path} to say why`);
        assert.equal(await page.eval("document.documentElement.scrollWidth <= innerWidth"), true, `${path} is too wide`);
        clean(page, path);
        await browser.closePages();
      }
    }
    await box("scenario/stranger");
    const page = await browser.page();
    await page.open(`${base}/traces?filter=x`);
    await page.until("location.pathname.endsWith('/login') && location.search.includes('traces')");
  } finally { await box("scenario/full"); }
});

test("what is not there any more is said", async () => {
  for (const path of gone) {
    const page = await see(path);
    await page.until("document.querySelector('main [role=alert]')?.innerText.length > 20", path);
    clean(page, path);
    await browser.closePages();
  }
  const page = await see(`compare?experiment=${ids.iris}&runs=${someRuns[0]},${"0".repeat(32)}`);
  await shown(page, "Not there any more: 000");
  await page.open(`${base}/compare`);
  await shown(page, "Choose runs to compare");
});

test("traces are paged, searched by words and by filters, and a wrong filter is explained", async () => {
  const page = await see("traces");
  const n = () => page.eval("document.querySelectorAll('tbody tr').length");
  assert.equal(await n(), 100);
  await press(page, "Load more");
  await page.until("document.querySelectorAll('tbody tr').length === 132");
  await page.type("input[type=search]", "nobody says this");
  await press(page, "Search");
  await shown(page, "No trace matches");
  await press(page, "Clear the search");
  await page.until("document.querySelectorAll('tbody tr').length === 100");
  await press(page, "Only errors");
  await page.until("document.querySelectorAll('tbody tr').length === 19");
  assert.ok((await page.eval("location.search")).includes("filter=status"));
  await page.type("input[type=search]", "foo = 'bar'");
  await press(page, "Search");
  await page.until("document.querySelector('main [role=alert]')?.innerText.includes('foo')");
  clean(page);
});

test("a trace opens at the span that broke; the keyboard goes through its spans", async () => {
  const page = await see(`trace?id=${ids.trace}`);
  const at = () => page.eval("document.querySelector('.span[aria-current] .name').innerText");
  assert.ok((await at()).startsWith("очень"));
  assert.ok((await page.text(".pinned")).includes(`ValueError: ${hostile}`));
  assert.deepEqual(await page.eval("[...document.querySelectorAll('.span')].map((e) => e.querySelector('.name').style.paddingLeft)"), ["0px", "14px", "28px"]);
  await page.eval("document.querySelector('.span[aria-current]').focus()");
  await page.key("ArrowDown");
  await page.until("document.querySelector('.pinned').innerText.includes('\"q\": \"10\"')");
  assert.ok((await page.eval("location.search")).includes("span="));
  clean(page);
});

test("a trace of very many spans shows the first, and how many there are", async () => {
  const page = await see(`trace?id=${ids.wide}`);
  assert.equal(await page.eval("document.querySelectorAll('.span').length"), 1000);
  await shown(page, "204 more are in the trace");
  await page.open(`${base}/trace?id=${ids.ring}`);
  await page.settled();
  assert.equal(await page.eval("document.querySelectorAll('.span').length"), 2);
});

test("a trace is judged and deleted, when one is sure", async () => {
  const page = await see(`trace?id=tr-${(11).toString(16).padStart(32, "0")}`);
  await press(page, "Add");
  await page.type("dialog [name=name]", "short");
  await page.type("dialog [name=value]", "0.5");
  await page.click("dialog button.primary");
  await page.until("document.querySelector('.list')?.innerText.includes('short 0.5')");
  await press(page, "Delete", ".head");
  await page.click("dialog button.primary");
  await page.until("location.pathname.endsWith('/traces')");
  clean(page);
});

test("two versions of a prompt are compared line by line; an alias is set and taken away", async () => {
  const page = await see("prompt?name=answer&against=1");
  assert.deepEqual(await page.eval("[...document.querySelectorAll('.diff > div')].map((e) => e.className)"), ["gone", "gone", "come", "come", "same", "come"]);
  assert.ok((await page.text(".diff")).includes(hostile));
  await press(page, "Alias");
  await page.type("dialog [name=alias]", "staging");
  await page.click("dialog button.primary");
  await page.until("document.querySelector('.pinned > header').innerText.includes('staging')");
  await page.click("[aria-label='Take the alias staging away']");
  await page.click("dialog button.primary");
  await page.until("!document.querySelector('.pinned > header').innerText.includes('staging')");
  await page.open(`${base}/prompt?name=chat`);
  await shown(page, "system:\nBe {{style}}");
  clean(page);
});

test("a prompt is made, and gets a second version", async () => {
  const page = await see("prompts");
  await press(page, "New prompt");
  await page.type("dialog [name=name]", "мой prompt");
  await page.type("dialog [name=text]", "Say {{x}}");
  await page.click("dialog button.primary");
  await page.until("location.pathname.endsWith('/prompt')");
  await shown(page, "Say {{x}}");
  await press(page, "New version");
  await page.type("dialog [name=text]", "Say {{x}} again");
  await page.click("dialog button.primary");
  await page.until("document.querySelector('.pinned h2')?.innerText === 'Version 2'");
  clean(page);
});

test("records come a page at a time", async () => {
  const page = await see(`dataset?id=${ids.dataset}`);
  assert.equal(await page.eval("document.querySelectorAll('tbody tr').length"), 100);
  await press(page, "Load more");
  await page.until("document.querySelectorAll('tbody tr').length === 150");
  await shown(page, "150 records");
  clean(page);
});

test("a webhook is made, changed, tested and deleted; its secret is never shown", async () => {
  const page = await see("webhooks");
  await press(page, "New webhook");
  await page.type("dialog [name=name]", "mine");
  await page.type("dialog [name=url]", "https://example.invalid/x");
  await page.type("dialog [name=secret]", "s3cret");
  await page.click("dialog button.primary");
  await page.until("document.querySelector('.note.bad')?.innerText.includes('at least one event')");
  await press(page, "New webhook");
  await page.type("dialog [name=name]", "mine");
  await page.type("dialog [name=url]", "https://example.invalid/x");
  await page.type("dialog [name=secret]", "s3cret");
  await page.click("dialog [value='PROMPT.CREATED']");
  await page.click("dialog button.primary");
  await shown(page, "prompt created");
  assert.ok(!(await page.eval("document.documentElement.innerHTML")).includes("s3cret"));
  await press(page, "Test", "tbody tr:first-child");
  await page.until("document.querySelector('.told .bad')?.innerText.length > 5");
  await press(page, "Edit", "tbody tr:first-child");
  assert.equal(await page.eval("document.querySelector('dialog [name=secret]').value"), "");
  await page.click("dialog [name=active]");
  await page.click("dialog button.primary");
  await shown(page, "disabled");
  await press(page, "Delete", "tbody tr:first-child");
  await page.click("dialog button.primary");
  await page.until("document.querySelectorAll('tbody tr').length === 1");
  clean(page);
});

test("who only reads is offered nothing else", async () => {
  try {
    await box("role/viewer");
    for (const path of [`trace?id=${ids.trace}`, "prompts", "prompt?name=answer", `dataset?id=${ids.dataset}`, "connections"]) {
      const page = await see(path);
      const offered = await page.eval("[...document.querySelectorAll('main button')].filter((b) => b.checkVisibility() && /^(Delete|New|Add|Alias|Edit|Test|×)/.test(b.textContent)).map((b) => b.textContent)");
      assert.deepEqual(offered, [], path);
      await browser.closePages();
    }
    const page = await see("webhooks");
    await shown(page, "Only administrators");
    assert.equal(await page.eval("document.querySelector('[data-nav=webhooks]').checkVisibility()"), false);
    clean(page);
  } finally { await box("role/admin"); }
});

test("runs are ticked and compared: differences first, their metrics in one chart", async () => {
  const page = await see(`experiment?id=${ids.iris}`);
  await page.eval("[...document.querySelectorAll('tbody input[type=checkbox]')].slice(0, 3).forEach((b) => b.click())");
  await press(page, "Compare 3");
  await page.until("document.querySelector('.charts canvas')");
  const text = await page.text();
  assert.ok(text.includes("the same in all of them") || !text.includes("=1+1"));
  await press(page, "Only differences");
  await shown(page, "=1+1");
  assert.equal(await page.eval("document.querySelectorAll('thead .swatch').length"), 3);
  const inked = await page.until(`(() => { const c = document.querySelector(".charts canvas"); const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data; let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n > 500 && n; })()`, "the chart to be drawn");
  assert.ok(inked > 500);
  clean(page);
});

test("all runs that match come as a CSV, and no cell is a formula", async () => {
  const page = await see(`experiment?id=${ids.iris}`);
  await page.eval("URL.createObjectURL = (blob) => { blob.text().then((t) => { window.saved = t; }); return '#'; }");
  await press(page, "CSV");
  const lines = (await page.until("window.saved")).split("\r\n");
  assert.equal(lines.length, 122);
  assert.ok(lines[0].startsWith("run_id,name,status,started,ended,user,params.C,params.same,metrics.loss,tags.kind"));
  assert.ok(lines[1].includes(",'=1+1,") && lines[1].endsWith(',"a,""b"""'), lines[1]);
  clean(page);
});

test("a pipeline leads to its runs and models, and they lead back", async () => {
  const page = await see("pipeline?dag=iris");
  await shown(page, "of-pipeline version 1");
  await page.until(`[...document.querySelectorAll("[aria-label=Tracked] th a")].map((a) => a.textContent).sort().join() === "promote,within"`, "its runs");
  assert.equal(await page.eval(`document.querySelector("[aria-label=Models] a").getAttribute("href")`), "model?name=of-pipeline");
  clean(page, "pipeline");
  const model = await see("model?name=of-pipeline");
  await model.until(`document.querySelector('.head a[href="pipeline?dag=iris"]') && document.querySelector('td a[href="run?dag=iris&run=r&task=promote"]')`, "the way back");
  clean(model, "model");
  const run = await see(`training?run=${ids.within}`);
  await run.until(`document.querySelector('.head a[href="training?run=01890a5dac96774bbcceb302099a8057"]')`, "its task's run");
  clean(run, "training");
});

test("dark and light can both be read", async () => {
  for (const dark of [false, true]) {
    for (const path of [`trace?id=${ids.trace}`, "prompt?name=answer&against=1", "webhooks"]) {
      const page = await see(path, { dark });
      const low = await page.eval(`(() => {
        const rgb = (s) => s.match(/[\\d.]+/g).slice(0, 3).map(Number);
        const light = (s) => { const [r, g, b] = rgb(s).map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
        const back = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!c.includes("0)") || c.startsWith("rgb(")) return c; } return "rgb(255, 255, 255)"; };
        return [...document.querySelectorAll("main *")].filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.offsetParent && !e.closest(".hidden")).map((e) => {
          const [a, b] = [light(getComputedStyle(e).color), light(back(e))].sort((x, y) => y - x);
          return [(a + .05) / (b + .05), e.textContent.trim().slice(0, 40)];
        }).filter(([c]) => c < 4.5);
      })()`);
      assert.deepEqual(low, [], `${path} ${dark ? "dark" : "light"}`);
      await browser.closePages();
    }
  }
});

let bad = 0;
console.log(`1..${tests.length}`);
for (const [i, [name, run]] of tests.entries()) {
  try { await run(); console.log(`ok ${i + 1} - ${name}`); } catch (error) {
    bad++;
    console.log(`not ok ${i + 1} - ${name}\n${String(error.stack).replace(/^/gm, "# ")}`);
  }
  await browser.closePages();
}
await browser.stop();
process.exit(bad ? 1 : 0);

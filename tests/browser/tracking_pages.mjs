// Tracking's pages in a real browser, over a real onebox-tracking: node tracking_pages.mjs BASE IDS, where BASE is a
// fake_box.py in front of it and IDS what tracking_full.py made, as JSON. Prints TAP.
import assert from "node:assert/strict";
import { base, clean, fits, fresh, hostile, nameless, NARROW, press, run, see, seeSlowly, shown, still, test, unreadable, WIDE } from "./looking.mjs";

const ids = JSON.parse(process.argv[3]);
const box = (path) => fetch(`${base}/${path}`).then((a) => a.text());
const ml = (method, path, body) => fetch(`${base}/ajax-api/${path}`, { method, body: body && JSON.stringify(body) }).then((a) => a.json());
const someRuns = (await ml("POST", "2.0/mlflow/runs/search", { experiment_ids: [ids.iris], max_results: 3 })).runs.map((r) => r.info.run_id);
const pages = ["traces", `trace?id=${ids.trace}`, `trace?id=${ids.wide}`, `trace?id=${ids.ring}`, "prompts", "prompt?name=answer&against=1", "prompt?name=chat", "datasets", `dataset?id=${ids.dataset}`,
  "webhooks", "experiments", `experiment?id=${ids.iris}`, `compare?experiment=${ids.iris}&runs=${someRuns}`, `training?run=${someRuns[0]}`, "models", "model?name=iris-model"];
const gone = ["trace?id=tr-0", "prompt?name=nobody", "dataset?id=d-0", "experiment?id=999", "training?run=00000000000000000000000000000000", "model?name=nobody"];

test("full, every page fits a wide and a narrow window, has names for its controls and says nothing wrong", async () => {
  for (const [i, path] of pages.entries()) {
    const views = i % 2 ? [NARROW, WIDE] : [WIDE, NARROW];
    const page = await see(path, views[0]);
    for (const view of views) {
      await page.show(view);
      await fits(page, view, path);
      assert.deepEqual(await nameless(page), [], path);
    }
    assert.equal(await page.eval("document.querySelectorAll('main [role=alert]').length"), 0, `${path}: ${await page.text("main [role=alert]")}`);
    assert.equal(await page.eval("document.querySelectorAll('main img').length"), 0, path);
    assert.deepEqual(await page.eval(`[...document.querySelectorAll("[href], [src]")].map((e) => e.getAttribute("href") ?? e.getAttribute("src")).filter((u) => u.startsWith("/") || u.startsWith("http"))`), [], `${path}: relative addresses only`);
    clean(page, path);
  }
});

test("nothing jumps while a page loads, however slowly its parts come", async () => {
  for (const [i, path] of pages.entries()) {
    const view = i % 2 ? WIDE : NARROW;
    await still(await seeSlowly(path, view), `${path} at ${view.width}`);
  }
});

test("every chart is drawn, though its points come long before the last ones, and over what is finite", async () => {
  const page = await seeSlowly(`training?run=${ids.charts}`, WIDE);
  assert.deepEqual(await page.eval("[...document.querySelectorAll('canvas')].map((c) => c.width === c.clientWidth * devicePixelRatio && c.toY(1) - c.toY(3) > 50)"), [true, true, true]);
  clean(page);
});

test("a server that fails, is away, or knows nobody is said on every page", async () => {
  try {
    for (const [scenario, wanted] of [["hurt", "the <b>disk</b> is full"], ["broken", "onebox up"]]) {
      await box(`scenario/${scenario}`);
      for (const path of pages) {
        const page = await see(path, NARROW);
        await page.until(`document.querySelector("main [role=alert]")?.innerText.includes(${JSON.stringify(wanted)})`, `${path} to say why`);
        await fits(page, NARROW, path);
        clean(page, path);
      }
    }
    await box("scenario/stranger");
    const page = await fresh();
    await page.open(`${base}/traces?filter=x`);
    await page.until("location.pathname.endsWith('/login') && location.search.includes('traces')");
  } finally { await box("scenario/full"); }
});

test("what is not there any more is said", async () => {
  for (const path of gone) {
    const page = await see(path);
    await page.until("document.querySelector('main [role=alert]')?.innerText.length > 20", path);
    clean(page, path);
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
  await page.until("document.querySelectorAll('tbody tr').length === 133");
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

test("spans that are a file among the trace's artifacts are shown like others", async () => {
  const page = await see(`trace?id=${ids.filed}`);
  assert.ok((await page.text(".pinned")).includes("what a file says"));
  assert.ok((await page.text(".pinned")).includes(hostile));
  assert.ok((await page.text(".span")).includes("0.27ms"));
  await shown(page, "<1ms");
  clean(page);
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
  await press(page, "Deliveries", "tbody tr:first-child");
  await page.until("document.querySelector('[aria-label=Deliveries] tbody')?.innerText.includes('given up')", "the trial among the deliveries");
  await page.click("[aria-label=Deliveries] summary");
  await page.until("document.querySelector('[aria-label=Deliveries] pre').checkVisibility() && document.querySelector('[aria-label=Deliveries] pre').innerText.includes('example_prompt')", "what was told");
  await page.show(NARROW);
  await fits(page, NARROW, "deliveries");
  await page.show(WIDE);
  await press(page, "Close", "[aria-label=Deliveries]");
  await page.until("!document.querySelector('[aria-label=Deliveries]')");
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

test("an experiment is described; its runs are deleted and restored, narrowed by time, and shown by what differs", async () => {
  const page = await see(`experiment?id=${ids.iris}`);
  await press(page, "Describe");
  await page.eval("document.querySelector('dialog textarea').value = 'Petals <b>and</b> sepals'");
  await press(page, "Save", "dialog");
  await shown(page, "Petals <b>and</b> sepals");
  const first = await page.eval("document.querySelector('tbody a.run-name').dataset.key");
  const there = `document.querySelector('tbody a[data-key="${first}"]')`;
  await page.eval("document.querySelector('tbody input[type=checkbox]').click()");
  await press(page, "Delete 1");
  await page.until("document.querySelector('dialog')?.innerText.includes('can be restored under Deleted')", "the question");
  await press(page, "Delete", "dialog");
  await page.until(`document.querySelector("tbody") && !${there}`, "the run to go");
  const choose = (label, value) => page.eval(`(() => { const s = document.querySelector("select[aria-label='${label}']"); s.value = "${value}"; s.dispatchEvent(new Event("change")); })()`);
  await choose("Which runs", "deleted");
  await page.until(`document.querySelectorAll("tbody tr").length === 1 && ${there}`, "the deleted run");
  assert.ok((await page.eval("location.search")).includes("deleted=1"));
  await page.eval("document.querySelector('[data-key=pick-all]').click()");
  await press(page, "Restore 1");
  await shown(page, "No run is deleted");
  await press(page, "Show active runs");
  await page.until(there, "the run to be back");
  await choose("Started", "1");
  await page.until("location.search.includes('hours=1')");
  await press(page, "Clear");
  await page.until("!location.search.includes('hours')");
  await page.until("document.querySelectorAll('tbody tr').length > 1");
  await press(page, "Columns");
  await press(page, "Only differences", "dialog");
  assert.equal(await page.eval("document.querySelector('dialog input[value=\"params.same\"]').checked"), false);
  await press(page, "Show", "dialog");
  await page.until("location.search.includes('cols=')");
  assert.ok(!(await page.eval("document.querySelector('thead').textContent")).includes("same"));
  await page.eval("localStorage.clear()");
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
  for (const path of [`trace?id=${ids.trace}`, "prompt?name=answer&against=1", "webhooks"]) {
    const page = await see(path);
    for (const dark of [false, true]) {
      await page.show({ dark });
      assert.deepEqual(await unreadable(page), [], `${path} ${dark ? "dark" : "light"}`);
    }
  }
});

await run();

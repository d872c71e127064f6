// The pages in a real browser: node pages.mjs BASE, where BASE is a fake_box.py with the scenario "full".
// Prints TAP; ends with 1 when something failed.
import assert from "node:assert/strict";
import { base, clean, fits, fresh, hostile, nameless, NARROW, press, run, see, seeSlowly, still, test, unreadable, WIDE } from "./looking.mjs";

const json = async (path, init) => (await fetch(`${base}/${path}`, init)).json();
const runs = (await json("api/v2/dags/iris/dagRuns?limit=20")).dag_runs;
const at = (r) => encodeURIComponent(r.dag_run_id);
const failed = runs.find((r) => r.state === "failed");
const everyPage = ["", "pipelines", "pipeline?dag=iris", `pipeline?dag=${encodeURIComponent(hostile)}`, `run?dag=iris&run=${at(runs[0])}`,
  "pipeline?dag=scores", `run?dag=scores&run=${at((await json("api/v2/dags/scores/dagRuns")).dag_runs[0])}`,
  "experiments", "experiment?id=1", "training?run=1", "models", "model?name=iris", "connections",
  "traces", "trace?id=1", "prompts", "prompt?name=x", "datasets", "dataset?id=1", "webhooks", "compare?runs=a,b"];

test("a connection is made by its form, and the password never shown", async () => {
  const page = await see("connections");
  assert.match(await page.text(), /pg/);
  assert.match(await page.text(), /db_password/);
  await page.eval(`[...document.querySelectorAll("button")].find((b) => b.textContent === "New connection").click()`);
  assert.equal(await page.eval(`document.querySelector("dialog input[name=password]").type`), "password");
  clean(page);
});

test("a connection is tested in its row, and the answer stays there as text", async () => {
  const page = await see("connections");
  await page.eval(`[...document.querySelectorAll("button")].find((b) => b.textContent === "Test").click()`);
  await page.until(`document.querySelector(".told .bad")?.textContent.includes("<b>nobody</b>")`);
  assert.equal(await page.eval(`[...document.querySelectorAll("button")].find((b) => b.textContent === "Test").disabled`), false);
  clean(page);
});

test("every page fits a wide and a narrow window, and says nothing wrong", async () => {
  for (const [i, path] of everyPage.entries()) {
    const views = i % 2 ? [NARROW, WIDE] : [WIDE, NARROW];
    const page = await see(path, views[0]);
    for (const view of views) {
      await page.show(view);
      await fits(page, view, path);
    }
    assert.ok((await page.text()).trim().length > 10, `${path} is not empty`);
    clean(page, path);
  }
});

test("nothing jumps while a page loads, however slowly its parts come", async () => {
  for (const view of [WIDE, NARROW]) {
    for (const path of ["", "pipelines", "pipeline?dag=iris", `run?dag=iris&run=${at(failed)}`, "connections"]) await still(await seeSlowly(path, view), `${path || "home"} at ${view.width}`);
  }
});

test("an address that does not say what it is about leads on", async () => {
  const page = await see("run?dag=iris");
  assert.match(await page.text(), /There is no such page[^]*needs \?run=…[^]*To the pipelines/);
  clean(page);
});

test("what is not there says so, and only that", async () => {
  const page = await see("run?dag=iris&run=none");
  assert.match(await page.text(), /There is nothing here/);
  assert.equal(await page.eval("[...document.querySelectorAll('main button')].filter((b) => b.checkVisibility({ visibilityProperty: true })).length"), 0);
  clean(page);
});

test("the first page shows what needs somebody", async () => {
  const page = await see("");
  const text = await page.text();
  for (const wanted of ["Needs you", "liminal.yml:14:9", "cut off by the night at 21:00", "its last run failed", "Next 24 hours", "GB free"]) assert.ok(text.includes(wanted), wanted);
  assert.equal(await page.eval("document.querySelectorAll('.day .due').length >= 2"), true);
});

test("pipelines say which commit they are of, and why a newer one is not here", async () => {
  const text = await (await see("pipelines")).text();
  for (const wanted of ["4f1d2a9c0b", "iris: a wider <grid>", "Ada Lovelace", "does not take the key"]) assert.ok(text.includes(wanted), wanted);
});

test("names are text, whatever they hold", async () => {
  const page = await see("pipelines");
  assert.ok((await page.text()).includes(hostile));
  assert.equal(await page.eval("document.querySelectorAll('main img, main script, main i:not([class])').length"), 0);
  clean(page);
});

test("/ goes to the search box, and the filter filters", async () => {
  const page = await see("pipelines");
  await page.key("/");
  assert.equal(await page.eval("document.activeElement.type"), "search");
  await page.type("input[type=search]", "insurance");
  assert.equal(await page.eval("document.querySelectorAll('tbody tr').length"), 1);
  await page.type("input[type=search]", "<b>none</b>");
  await page.until("document.querySelector('main').innerText.includes('<b>none</b>')");
});

test("the keyboard reaches everything from the top", async () => {
  const page = await see("pipelines");
  await page.key("Tab");
  assert.equal(await page.eval("document.activeElement.className"), "skip");
  const seen = new Set();
  for (let i = 0; i < 40; i++) {
    await page.key("Tab");
    seen.add(await page.eval("document.activeElement.tagName + ' ' + (document.activeElement.getAttribute('role') || '')"));
  }
  for (const wanted of ["A ", "BUTTON ", "BUTTON switch", "INPUT "]) assert.ok(seen.has(wanted), wanted);
});

test("every control has a name", async () => {
  for (const path of everyPage.slice(0, 5)) assert.deepEqual(await nameless(await see(path)), [], path);
});

test("a matrix folds and unfolds; a cell leads to its task without loading the frame again", async () => {
  const page = await see("pipeline?dag=iris");
  const rows = () => page.eval("document.querySelectorAll('.grid .task').length");
  assert.equal(await rows(), 5);
  await page.eval("document.querySelector('.twist').focus()");
  await page.click(".twist");
  await page.until("document.querySelectorAll('.grid .task').length === 17");
  assert.equal(await page.eval("document.activeElement.className"), "twist");
  await page.eval("window.same = true");
  await page.click(".grid .task:nth-child(3) .cell");
  await page.until("location.pathname.endsWith('/run')");
  await page.settled();
  assert.equal(await page.eval("window.same"), true);
  assert.ok((await page.eval("location.search")).includes("task=train"));
  await page.eval("history.back()");
  await page.until("location.pathname.endsWith('/pipeline') && document.querySelector('.grid')");
  clean(page);
});

test("a run shows its failed task first, with its log", async () => {
  const page = await see(`run?dag=iris&run=${at(failed)}`);
  await page.until("document.querySelectorAll('.log .l').length > 20");
  assert.ok((await page.eval("document.querySelector('tr[aria-current]').innerText")).includes("failed"));
  assert.ok((await page.text(".log")).includes("max_iter <b>once</b>"), "a log line is text");
  assert.equal(await page.eval("document.querySelectorAll('.log b').length"), 0);
  await page.type(".pinned input[type=search]", "epoch 7");
  assert.equal(await page.eval("[...document.querySelectorAll('.log .l')].filter((l) => l.offsetHeight).length"), 1);
  assert.equal(await page.eval("document.querySelector('.log mark').textContent"), "epoch 7");
  await page.eval("[...document.querySelectorAll('.tabs button')].find((b) => b.textContent === 'try 1').click()");
  await page.until("location.search.includes('try=1')");
  clean(page);
});

test("a mapped task is one node, its instances are many rows, each with its own log", async () => {
  const [one] = (await json("api/v2/dags/scores/dagRuns")).dag_runs;
  const page = await see(`run?dag=scores&run=${at(one)}`);
  await page.until("document.querySelector('.log')?.innerText.includes('try 1 of each[7] ')", "the log of the instance that failed");
  assert.deepEqual(await page.eval("[...document.querySelectorAll('.dag a')].map((a) => a.getAttribute('aria-label'))"),
    ["list: success", "each: 249 of 250 succeeded", "after: failed"]);
  assert.equal(await page.eval("document.querySelectorAll('tbody tr').length"), 200);
  await page.type("main input[aria-label='Filter tasks']", "failed");
  assert.deepEqual(await page.eval("[...document.querySelectorAll('tbody th')].map((th) => th.textContent.trim())"), ["each[7]", "after"]);
  await page.type("main input[aria-label='Filter tasks']", "");
  await press(page, "All 252 tasks");
  assert.equal(await page.eval("document.querySelectorAll('tbody tr').length"), 252);
  await page.eval("[...document.querySelectorAll('tbody a')].find((a) => a.textContent === 'each[249]').click()");
  await page.until("location.search.includes('task=each%5B249%5D') && document.querySelector('.log').innerText.includes('try 1 of each[249] ')");
  clean(page, "run");
  const grid = await see("pipeline?dag=scores");
  assert.deepEqual(await grid.eval("[...document.querySelectorAll('.grid .task .cell')].map((c) => c.title.split(', ')[0])"), ["list", "each", "after"]);
  clean(grid, "pipeline");
});

test("choosing a task changes the log and the address, not the page", async () => {
  const page = await see(`run?dag=iris&run=${at(runs[0])}`);
  await page.eval("window.same = true");
  await page.eval("[...document.querySelectorAll('tbody a')].find((a) => a.textContent === 'fetch').click()");
  await page.until("location.search.includes('task=fetch') && document.querySelector('.pinned h2').textContent === 'fetch'");
  assert.equal(await page.eval("window.same"), true);
});

test("a run is started with a configuration; a wrong one is refused with its text kept", async () => {
  const page = await see("pipeline?dag=iris");
  await page.click("button.primary");
  await page.type("dialog textarea", "{\"rows\": ");
  await page.click("dialog button.primary");
  await page.until("document.querySelector('.note.bad') && document.querySelector('dialog textarea')?.value === '{\"rows\": '");
  await page.type("dialog textarea", "{\"rows\": 7}");
  await page.click("dialog button.primary");
  await page.until("location.pathname.endsWith('/run')");
  await page.settled();
  await page.until("document.querySelector('main').innerText.includes('{\"rows\":7}')");
  const changes = await json("scenario/full");
  assert.deepEqual(changes.at(-1), ["POST", "/api/v2/dags/iris/dagRuns", { logical_date: null, conf: { rows: 7 } }]);
});

test("a failed run's tasks run again, a running one is stopped when one is sure", async () => {
  const page = await see(`run?dag=iris&run=${at(runs[9])}`);
  const before = (await json("scenario/full")).length;
  if (runs[9].state !== "failed") await json(`api/v2/dags/iris/dagRuns/${at(runs[9])}`, { method: "PATCH", body: "{}" });
  await page.open(`${base}/run?dag=iris&run=${at(runs[9])}`);
  await page.until("document.querySelector('tbody tr')");
  await page.click("[data-key=retry]");
  await page.click("[data-key=stop]");
  await page.eval("document.querySelector('dialog button[type=button]').click()");
  await page.until("!document.querySelector('dialog')");
  await page.click("[data-key=stop]");
  await page.click("dialog button.primary");
  await page.until("document.querySelector('[data-key=retry]')");
  const asked = (await json("scenario/full")).slice(before).filter(([method, path, body]) => method === "POST" || body.state);
  assert.deepEqual(asked.map(([method]) => method), ["POST", "PATCH"]);
  const { task_ids: tasks, dag_run_id: id, include_downstream: after, dry_run: dry } = asked[0][2];
  assert.deepEqual([tasks, id, after, dry], [["train__9", "train__10", "train__11", "validate", "promote"], runs[9].dag_run_id, true, false]);
  assert.deepEqual(asked[1][2], { state: "failed" });
});

test("a task that waits says what for", async () => {
  const page = await see(`run?dag=iris&run=${at(runs[0])}&task=promote`);
  await page.until("document.querySelector('.why')?.innerText === 'it waits for <b>train</b>, which runs'");
});

test("what the scheduler refuses is said, as text", async () => {
  const page = await see("pipeline?dag=churn");
  await page.click("button.primary");
  await page.click("dialog button.primary");
  await page.until("document.querySelector('.note.bad')?.innerText.includes('<b>now</b>')");
  assert.ok((await page.eval("location.pathname")).endsWith("/pipeline"));
});

test("a pipeline is paused and goes on", async () => {
  const page = await see("pipelines");
  const state = "document.querySelector('[data-key=\"switch-claims_etl\"]').getAttribute('aria-checked')";
  assert.equal(await page.eval(state), "true");
  for (const [paused, checked] of [[true, "false"], [false, "true"]]) {
    await page.click("[data-key='switch-claims_etl']");
    await page.until(`${state} === "${checked}"`);
    let changes;
    do changes = await json("scenario/full"); while (changes.at(-1)?.[2]?.is_paused !== paused);
    assert.deepEqual(changes.at(-1), ["PATCH", "/api/v2/dags/claims_etl", { is_paused: paused }]);
  }
});

test("a scheduler that is away is said, and its return is noticed without a click", async () => {
  const page = await see("pipelines");
  try {
    await json("scenario/broken");
    await page.open(`${base}/pipelines`);
    await page.until("document.querySelector('[role=alert]')?.innerText.includes('onebox up')");
    await json("scenario/full");
    await page.until("document.querySelectorAll('tbody tr').length >= 5");
  } finally { await json("scenario/full"); }
});

test("a page whose scheduler is away says so, without empty frames", async () => {
  try {
    await json("scenario/broken");
    for (const path of ["", "pipelines", "pipeline?dag=iris", `run?dag=iris&run=${at(runs[0])}`, "connections"]) {
      const page = await see(path, NARROW);
      await page.until("document.querySelector('main [role=alert]')?.innerText.includes('systemctl start onebox-scheduler')", path);
      assert.deepEqual(await page.eval("[...document.querySelectorAll('main .sheet')].filter((e) => e.checkVisibility() && e.innerText.trim().split('\\n').length < 2 && !e.querySelector('.skeleton')).map((e) => e.outerHTML.slice(0, 80))"), [], path);
      clean(page);
    }
  } finally { await json("scenario/full"); }
});

test("who only reads is offered no deed; the foot names the clock and the version", async () => {
  try {
    await json("role/viewer");
    for (const path of ["", "pipelines", "pipeline?dag=iris", `run?dag=iris&run=${at(failed)}`]) {
      const page = await see(path);
      assert.deepEqual(await page.eval("[...document.querySelectorAll('main button:not([disabled])')].filter((b) => /^(Run|Stop|Retry)/.test(b.textContent) || b.role === 'switch').map((b) => b.outerHTML.slice(0, 90))"), [], path);
      await page.until("/onebox 0.9.*times in/.test(document.querySelector('#foot').innerText)");
      clean(page);
    }
  } finally { await json("role/admin"); }
});

test("nothing there yet is said kindly", async () => {
  try {
    await json("scenario/empty");
    for (const [path, wanted] of [["pipelines", "No pipelines yet"], ["pipeline?dag=x", "Never run"], ["connections", "No connections yet"], ["", "Nothing is running"]]) {
      const page = await see(path, NARROW);
      assert.ok((await page.text()).includes(wanted), wanted);
      await fits(page, NARROW, path);
      clean(page);
    }
  } finally { await json("scenario/full"); }
});

test("addresses that MLflow's client prints lead to the same run", async () => {
  const page = await fresh();
  await page.open(`${base}/#/experiments/1/runs/abc`);
  await page.until("location.pathname.endsWith('/training') && location.search === '?run=abc'");
});

test("dark and light differ, and both can be read", async () => {
  const page = await see("pipelines");
  const back = new Set();
  for (const dark of [false, true]) {
    await page.show({ dark });
    assert.deepEqual(await unreadable(page), [], dark ? "dark" : "light");
    back.add(await page.eval("getComputedStyle(document.documentElement).backgroundColor"));
  }
  assert.equal(back.size, 2);
});

await run();

// Chromium by its own protocol: open pages, look, click, take pictures. No package needed.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CHROMIUM = process.env.CHROMIUM || "chromium";
const PATIENCE = 120000; // ms; ends what hangs, and measures nothing

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Browser {
  static async start() {
    const home = mkdtempSync(join(tmpdir(), "onebox-browser-"));
    const child = spawn(CHROMIUM, ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--mute-audio", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe", `--user-data-dir=${home}`, "about:blank"],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const browser = new Browser(child, home);
    await browser.call("Browser.getVersion");
    return browser;
  }

  constructor(child, home) {
    Object.assign(this, { child, home, next: 1, waiting: new Map(), pages: new Map(), tab: null });
    let text = "";
    child.stdio[4].setEncoding("utf8").on("data", (piece) => {
      const parts = (text + piece).split("\0");
      text = parts.pop();
      for (const one of parts) this.heard(JSON.parse(one));
    });
    child.stdio[3].on("error", () => {});
    child.on("exit", () => { for (const { fail } of this.waiting.values()) fail(new Error("chromium ended")); });
  }

  heard(m) {
    if (!m.id) { this.pages.get(m.sessionId)?.heard(m); return; }
    const { done, fail } = this.waiting.get(m.id);
    this.waiting.delete(m.id);
    m.error ? fail(new Error(m.error.message)) : done(m.result);
  }

  call(method, params = {}, sessionId = undefined) {
    const id = this.next++;
    this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((done, fail) => this.waiting.set(id, { done, fail }));
  }

  // The one tab, empty and of this size: a new one costs more than most pages, and one left open goes on working.
  async page(view) {
    if (!this.tab) {
      const { targetId } = (await this.call("Target.getTargets")).targetInfos.find((t) => t.type === "page");
      const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
      this.tab = new Page(this, sessionId);
      this.pages.set(sessionId, this.tab);
      for (const domain of ["Page", "Runtime", "Log"]) await this.tab.call(`${domain}.enable`);
      await this.tab.call("Page.addScriptToEvaluateOnNewDocument", { source: WATCH });
    }
    await this.tab.empty();
    await this.tab.show(view);
    return this.tab;
  }

  async stop() {
    const ended = new Promise((done) => this.child.on("exit", done));
    this.call("Browser.close").catch(() => {});
    await ended;
    rmSync(this.home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

// What moved without anybody's touching it, and what that was.
const WATCH = `window.shifts = [];
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifts.push({ value: e.value, what: e.sources.map((s) =>
      \`\${s.node?.outerHTML?.slice(0, 90) ?? s.node?.textContent ?? "gone"} from \${s.previousRect.y} to \${s.currentRect.y}\`) });
  }).observe({ type: "layout-shift", buffered: true });`;

// What the page asks the daemons, as against its own files.
const ASKED = ["*/api/*", "*/ajax-api/*", "*/ready", "*/version"].map((urlPattern) => ({ urlPattern }));

class Page {
  constructor(browser, id) { Object.assign(this, { browser, id, errors: [], dialogs: 0, held: [], asked: new Map() }); }

  call(method, params) { return this.browser.call(method, params, this.id); }

  heard({ method, params }) {
    if (method === "Runtime.exceptionThrown") this.errors.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
    if (method === "Log.entryAdded" && params.entry.level === "error" && params.entry.source !== "network") this.errors.push(params.entry.text);
    if (method === "Runtime.consoleAPICalled" && params.type === "error") this.errors.push(params.args.map((a) => a.value ?? a.description).join(" "));
    if (method === "Page.javascriptDialogOpening") { this.dialogs++; this.call("Page.handleJavaScriptDialog", { accept: true }); }
    if (method === "Fetch.requestPaused") this.held.push(params);
    if (method === "Network.requestWillBeSent" && params.type !== "EventSource") this.asked.set(params.requestId, params.request.url);
    if (method === "Network.loadingFinished" || method === "Network.loadingFailed") this.asked.delete(params.requestId);
  }

  // As new: nothing shown, nothing remembered, nothing under way.
  async empty() {
    await this.call("Fetch.disable");
    await this.call("Page.navigate", { url: "about:blank" });
    Object.assign(this, { errors: [], dialogs: 0, held: [] });
    this.asked.clear();
  }

  // Its size and colours. Nothing turns or glows: that would keep the machine busy, and nobody looks.
  async show({ width = 1440, height = 900, dark = false } = {}) {
    await this.call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await this.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" },
      { name: "prefers-reduced-motion", value: "reduce" }] });
  }

  // The value of an expression in the page; promises are waited for.
  async eval(expression) {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description || exceptionDetails.text);
    return result.value;
  }

  async until(expression, what = expression) {
    const end = Date.now() + PATIENCE;
    for (let wait = 2; ; wait = Math.min(wait * 2, 40)) {
      const value = await this.eval(expression).catch(() => null);
      if (value) return value;
      if (Date.now() > end) throw new Error(`waited in vain for ${what}\n${await this.state()}`);
      await pause(wait);
    }
  }

  // Where it is and what it shows, for whoever has to find out why.
  async state() {
    const told = await this.eval("`at ${location.href}, ${document.readyState}, ${document.querySelectorAll('.skeleton').length} places still empty; it says:\\n${document.body.innerText.slice(0, 800)}`").catch((e) => e.message);
    return [told, this.errors.length ? `errors: ${this.errors.join("; ")}` : null, this.asked.size ? `not answered yet: ${[...this.asked.values()].join(" ")}` : null].filter(Boolean).join("\n");
  }

  async open(url) {
    const { errorText } = await this.call("Page.navigate", { url });
    if (errorText) throw new Error(`${url}: ${errorText}`);
    await this.until("document.readyState === 'complete'", `${url} to load`);
  }

  // Nothing is being fetched for the first time any more.
  settled() { return this.until("document.querySelector('main .page, main form, main .empty') && !document.querySelector('.skeleton')", "the page to settle"); }

  // Two frames: what has come is painted.
  frames() { return this.eval("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"); }

  // Opens a page whose answers come one at a time, the last asked for first, each painted before the next
  // comes: the worst a slow machine can do, by no clock.
  async openSlowly(url) {
    await this.call("Fetch.enable", { patterns: ASKED });
    await this.open(url);
    const end = Date.now() + PATIENCE;
    for (let quiet = 0; quiet < 3;) {
      if (Date.now() > end) throw new Error(`waited in vain for every answer to be shown\n${await this.state()}`);
      await this.frames();
      const next = this.held.pop();
      if (next) await this.call("Fetch.continueRequest", { requestId: next.requestId }).catch(() => {});
      const done = !next && !this.asked.size && await this.eval("Boolean(document.querySelector('main .page')) && !document.querySelector('.skeleton')");
      quiet = done ? quiet + 1 : 0;
    }
    await this.call("Fetch.disable");
  }

  async click(selector) {
    await this.until(`document.querySelector(${JSON.stringify(selector)})`, selector);
    await this.eval(`document.querySelector(${JSON.stringify(selector)}).click()`);
  }

  async type(selector, text) {
    await this.until(`document.querySelector(${JSON.stringify(selector)})`, selector);
    await this.eval(`(() => { const e = document.querySelector(${JSON.stringify(selector)}); e.focus(); e.value = ${JSON.stringify(text)}; e.dispatchEvent(new Event("input", { bubbles: true })); })()`);
  }

  key(key, code = key) { return this.call("Input.dispatchKeyEvent", { type: "keyDown", key, code, text: key.length === 1 ? key : key === "Enter" ? "\r" : undefined, windowsVirtualKeyCode: key === "Enter" ? 13 : key === "Tab" ? 9 : 0 }); }

  text(selector = "main") { return this.eval(`document.querySelector(${JSON.stringify(selector)})?.innerText ?? ""`); }

  async picture(file, whole = false) {
    const { data } = await this.call("Page.captureScreenshot", { format: "png", captureBeyondViewport: whole });
    writeFileSync(file, Buffer.from(data, "base64"));
  }
}

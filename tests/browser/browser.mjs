// Chromium by its own protocol: open pages, look, click, take pictures. No package needed.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CHROMIUM = process.env.CHROMIUM || "chromium";
const PATIENCE = 15000; // ms for anything a page is waited for

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Browser {
  static async start() {
    const home = mkdtempSync(join(tmpdir(), "onebox-browser-"));
    const child = spawn(CHROMIUM, ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--mute-audio", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe", `--user-data-dir=${home}`, "about:blank"],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const browser = new Browser(child, home);
    await browser.call("Browser.getVersion");
    return browser;
  }

  constructor(child, home) {
    Object.assign(this, { child, home, next: 1, waiting: new Map(), pages: new Map(), contexts: [] });
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

  async page({ width = 1440, height = 900, dark = false } = {}) {
    const { browserContextId } = await this.call("Target.createBrowserContext");
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId);
    this.pages.set(sessionId, page);
    this.contexts.push(browserContextId);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.call(`${domain}.enable`);
    await page.call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    await page.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
    return page;
  }

  // Ends every page: one left open goes on working, and the machine is small.
  async closePages() {
    for (const browserContextId of this.contexts.splice(0)) await this.call("Target.disposeBrowserContext", { browserContextId }).catch(() => {});
    this.pages.clear();
  }

  async stop() {
    const ended = new Promise((done) => this.child.on("exit", done));
    this.call("Browser.close").catch(() => {});
    await ended;
    rmSync(this.home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

class Page {
  constructor(browser, id) { Object.assign(this, { browser, id, errors: [], dialogs: 0 }); }

  call(method, params) { return this.browser.call(method, params, this.id); }

  heard({ method, params }) {
    if (method === "Runtime.exceptionThrown") this.errors.push(params.exceptionDetails.exception?.description || params.exceptionDetails.text);
    if (method === "Log.entryAdded" && params.entry.level === "error" && params.entry.source !== "network") this.errors.push(params.entry.text);
    if (method === "Runtime.consoleAPICalled" && params.type === "error") this.errors.push(params.args.map((a) => a.value ?? a.description).join(" "));
    if (method === "Page.javascriptDialogOpening") { this.dialogs++; this.call("Page.handleJavaScriptDialog", { accept: true }); }
  }

  // The value of an expression in the page; promises are waited for.
  async eval(expression) {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description || exceptionDetails.text);
    return result.value;
  }

  async until(expression, what = expression) {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const value = await this.eval(expression).catch(() => null);
      if (value) return value;
      if (Date.now() > end) throw new Error(`waited in vain for ${what}; the page says: ${await this.eval("document.body.innerText.slice(0, 600)").catch(() => "")}`);
      await pause(40);
    }
  }

  async open(url) {
    await this.call("Page.navigate", { url });
    await this.until("document.readyState === 'complete'", `${url} to load`);
  }

  // Nothing is being fetched for the first time any more.
  settled() { return this.until("document.querySelector('main .page, main form, main .empty') && !document.querySelector('.skeleton')", "the page to settle"); }

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

// A task's log: what is there, then what comes, try by try.
import { h, replace } from "./dom.js";
import { scheduler } from "./api.js";

const MOST = 5000;   // lines kept on the page
const SOON = 1000;   // ms between two looks at a log that still grows

const LINE = /^(\d{4}-\d\d-\d\dT[\d:.]+Z?) ([oes]) (.*)$/s;

// stderr is where most programs talk; only what sounds bad is red.
const GRAVE = /^(Traceback \(|[\w.]*(Error|Exception)\b)|\b(ERROR|CRITICAL|FATAL)\b/;

const KINDS = { stderr: "e", onebox: "s" };

// {at, stream, text} of what the server sends: an object or a bare line.
function parse(item) {
  if (typeof item !== "string") {
    return { at: item.timestamp ?? null, stream: KINDS[item.stream] ?? "o",
      text: item.event ?? item.message ?? "" };
  }
  const m = LINE.exec(item);
  return m ? { at: m[1], stream: m[2], text: m[3] } : { at: null, stream: "o", text: item };
}

const clockOf = (at) => {
  const d = new Date(at);
  return Number.isNaN(+d) ? "" : `${d.toLocaleTimeString(undefined, { hour12: false })}.${String(d.getMilliseconds()).padStart(3, "0")}`;
};

// target: {dag, run, task, number, growing}. Returns the element; destroy by the signal.
export function logView({ dag, run, task, number, growing }, signal) {
  const box = h("div", { class: "log", tabindex: "0", role: "log", "aria-label": `Log of ${task}, try ${number}` });
  const find = h("input", { type: "search", placeholder: "Find in the log", "aria-label": "Find in the log", "data-search": true,
    oninput: () => mark() });
  const follow = h("button", { type: "button", "aria-pressed": "true", onclick: () => press(follow.getAttribute("aria-pressed") !== "true") }, "Follow");
  const status = h("span", { class: "quiet" });
  let dropped = 0, token = null, n = 0;

  const following = () => follow.getAttribute("aria-pressed") === "true";
  const press = (on) => { follow.setAttribute("aria-pressed", String(on)); if (on) box.scrollTop = box.scrollHeight; };
  box.addEventListener("wheel", (e) => { if (e.deltaY < 0) press(false); }, { passive: true });

  const show = (line, text) => {
    const wanted = find.value.toLowerCase();
    const at = wanted ? text.toLowerCase().indexOf(wanted) : -1;
    line.classList.toggle("off", Boolean(wanted) && at < 0);
    if (at < 0) replace(line.lastChild, text);
    else replace(line.lastChild, text.slice(0, at), h("mark", {}, text.slice(at, at + wanted.length)), text.slice(at + wanted.length));
  };
  function mark() { for (const line of box.querySelectorAll(".l")) show(line, line.text); }

  function add(items) {
    if (!items.length) return;
    const lines = items.map((item) => {
      const { at, stream, text } = parse(item);
      const line = h("div", { class: `l ${stream}${GRAVE.test(text) ? " bad" : ""}` }, h("time", {}, at ? clockOf(at) : ""), h("span", { class: "t" }));
      line.text = text;
      show(line, text);
      return line;
    });
    box.querySelector(".empty")?.remove();
    box.append(...lines);
    n += lines.length;
    while (box.querySelectorAll(":scope > .l").length > MOST) { box.querySelector(":scope > .l").remove(); dropped++; }
    if (dropped) {
      (box.querySelector(".gap") || box.insertBefore(h("div", { class: "gap" }), box.firstChild)).textContent =
        `${dropped} earlier lines are not shown: onebox logs ${dag} ${task} has them all`;
    }
    if (following()) box.scrollTop = box.scrollHeight;
  }

  async function read() {
    try {
      const answer = await scheduler.log(dag, run, task, number, token ?? undefined, signal);
      const content = Array.isArray(answer.content) ? answer.content : String(answer.content ?? "").split("\n").filter(Boolean);
      add(content);
      token = answer.continuation_token ?? token;
      status.textContent = growing() ? "live" : `${n} line${n === 1 ? "" : "s"}`;
      if (!n && !growing()) replace(box, h("div", { class: "empty" }, "This try has written nothing."));
      if (content.length && answer.continuation_token) return read();
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error.status === 404 && !growing()) replace(box, h("div", { class: "empty" }, "There is no log for this try."));
      else status.textContent = `Not readable just now: ${error.message}`;
      if (!error.away && error.status !== 404) return;
    }
    // Once more after the end: the last lines come with it.
    if (growing() || live) { live = growing(); setTimeout(() => { if (!signal.aborted) read(); }, SOON); }
  }
  let live = growing();
  replace(box, h("div", { class: "empty" }, growing() ? "Waiting for the first line" : "Reading"));
  read();
  return [h("header", {}, h("h2", {}, "Log"), status, h("div", { class: "right" }, find, follow)), box];
}

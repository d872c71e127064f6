// Moments and spans for people; every element shows the absolute time on hover and keeps itself fresh.
import { h } from "./dom.js";

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

export const millis = (at) => (at == null || at === "" ? null : typeof at === "number" ? at : Date.parse(at));

// 0.27ms, 3.2s, 48s, 3min 10s, 2h 5min, 3d 4h
export function span(ms) {
  if (ms == null || Number.isNaN(ms)) return "";
  if (ms > 0 && ms < 1) return `${Math.max(.01, ms).toFixed(2)}ms`;
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`;
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)}s`;
  const i = UNITS.findIndex(([size]) => s >= size);
  const [size, name] = UNITS[i];
  const first = Math.floor(s / size);
  if (i === UNITS.length - 1) return `${first}s`;
  const [size2, name2] = UNITS[i + 1];
  const second = Math.floor((s % size) / size2);
  return second ? `${first}${name} ${second}${name2}` : `${first}${name}`;
}

export function ago(ms, now = Date.now()) {
  const s = Math.round(Math.abs(now - ms) / 1000);
  if (s < 5) return "now";
  const [size, name] = UNITS.find(([u]) => s >= u);
  const n = Math.floor(s / size);
  const unit = name === "d" ? (n === 1 ? " day" : " days") : ` ${name}`;
  return now >= ms ? `${n}${unit} ago` : `in ${n}${unit}`;
}

export const absolute = (ms) => new Date(ms).toLocaleString(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
  timeZoneName: "short" });
export const clock = (ms) => new Date(ms).toLocaleTimeString(undefined,
  { hour: "2-digit", minute: "2-digit", hour12: false });

// "22 Nov, 10:39", with the year when it is not this one
export function moment(at) {
  const d = new Date(millis(at));
  return d.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
    year: d.getFullYear() === new Date().getFullYear() ? undefined : "numeric" });
}

const ticking = new Set();
setInterval(() => {
  for (const t of ticking) t.node.isConnected ? t.draw() : t.seen ? ticking.delete(t) : (t.seen = true);
}, 1000);

function ticker(node, draw) {
  draw();
  ticking.add({ node, draw, seen: false });
  return node;
}

const FAR = 60 * 86400e3; // what is farther than that from now is told by its date

// "5 min ago", "in 2 h" or "25 Nov 2025"
export function when(at) {
  const ms = millis(at);
  if (ms == null) return null;
  const node = h("time", { datetime: new Date(ms).toISOString(), title: absolute(ms) });
  const day = new Date(ms).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return ticker(node, () => { const t = Math.abs(Date.now() - ms) > FAR ? day : ago(ms); if (node.textContent !== t) node.textContent = t; });
}

// The span between two moments; without an end it runs on.
export function lasting(start, end) {
  const [a, b] = [millis(start), millis(end)];
  const node = h("span", { class: "dur" });
  if (a == null) return node;
  if (b != null) { node.textContent = span(b - a); return node; }
  return ticker(node, () => { node.textContent = span(Math.floor((Date.now() - a) / 1000) * 1000); });
}

// A small line chart on a canvas: sharp on any screen, readable values, no library.
import { h } from "./dom.js";

const PAD = { left: 46, right: 10, top: 8, bottom: 20 };

export function number(v) {
  if (typeof v === "string") v = Number(v);
  if (v == null || Number.isNaN(v)) return "NaN";
  if (Math.abs(v) >= Number.MAX_VALUE) /* so MLflow keeps infinity */ return v > 0 ? "∞" : "−∞";
  const a = Math.abs(v);
  if (a !== 0 && (a < 1e-3 || a >= 1e7)) return v.toExponential(2);
  return Number.isInteger(v) ? String(v) : v.toFixed(a >= 100 ? 1 : a >= 10 ? 2 : 4);
}

// For an axis, whose steps are round: no zeros at the end.
const short = (v) => number(v).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");

// Round steps that give about n of them between lo and hi.
function ticks(lo, hi, n) {
  if (!(hi > lo)) return [lo];
  const raw = (hi - lo) / n, base = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * base).find((s) => s >= raw);
  const out = [];
  for (let v = Math.ceil(lo / step) * step; v <= hi + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return out;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const COLOURS = 6;
// The colour of the n-th line, and how it is dashed when there are more lines than colours.
export const lineColour = (n) => `--c${(n % COLOURS) + 1}`;
const dashOf = (n) => [[], [6, 3], [2, 3], [8, 3, 2, 3]][Math.floor(n / COLOURS) % 4];

// lines: points [{x, y}] by x, or several of them as [{name, points}]. xName: "step" or "s".
export function lineChart(lines, { xName = "step", name = "" } = {}) {
  const all = (lines[0]?.points ? lines : [{ name: "", points: lines }]).map((l, i) => ({ name: l.name, colour: lineColour(i), dash: dashOf(i), points: l.points.filter((p) => Math.abs(p.y) < Number.MAX_VALUE) }));
  const first = lines[0]?.points ? null : lines;
  const canvas = h("canvas", { role: "img", "aria-label": first ? `${name}: ${first.length} points, last ${number(first.at(-1)?.y)}` : `${name} of ${all.length} runs` });
  const shown = all.flatMap((l) => l.points.map((p) => ({ x: p.x, y: p.y, of: l })));
  const range = shown.reduce((r, p) => [Math.min(r[0], p.x), Math.max(r[1], p.x), Math.min(r[2], p.y), Math.max(r[3], p.y)], [Infinity, -Infinity, Infinity, -Infinity]);
  let hover = null, down = 0;

  function draw() {
    const w = canvas.clientWidth, ht = canvas.clientHeight, k = devicePixelRatio || 1;
    if (!w) return;
    canvas.width = w * k;
    canvas.height = ht * k;
    const c = canvas.getContext("2d");
    c.scale(k, k);
    c.font = `11px ${getComputedStyle(canvas).fontFamily}`;
    let [x0, x1, y0, y1] = shown.length ? range : [0, 1, 0, 1];
    if (x0 === x1) { x0 -= 1; x1 += 1; }
    if (y0 === y1) { const d = Math.abs(y0) * .1 || 1; y0 -= d; y1 += d; } else { const d = (y1 - y0) * .06; y0 -= d; y1 += d; }
    const px = (x) => PAD.left + (x - x0) / (x1 - x0) * (w - PAD.left - PAD.right);
    const py = (y) => PAD.top + (1 - (y - y0) / (y1 - y0)) * (ht - PAD.top - PAD.bottom);
    canvas.toX = (at) => x0 + (at - PAD.left) / (w - PAD.left - PAD.right) * (x1 - x0);
    c.strokeStyle = colour("--line");
    c.fillStyle = colour("--ink3");
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const y of ticks(y0, y1, 3)) { c.beginPath(); c.moveTo(PAD.left, py(y)); c.lineTo(w - PAD.right, py(y)); c.stroke(); c.fillText(short(y), PAD.left - 6, py(y)); }
    c.textAlign = "center";
    c.textBaseline = "top";
    for (const x of ticks(x0, x1, Math.max(2, w / 110))) c.fillText(short(x) + (xName === "s" ? "s" : ""), px(x), ht - PAD.bottom + 6);
    canvas.toY = py;
    for (const l of all) { c.setLineDash(l.dash); line(c, l.points, px, py, colour(l.colour)); }
    c.setLineDash([]);
    if (hover) {
      c.fillStyle = colour(hover.of.colour);
      c.beginPath(); c.arc(px(hover.x), py(hover.y), 3.5, 0, 7); c.fill();
      const text = `${hover.of.name ? `${hover.of.name}  ` : ""}${number(hover.y)}  at ${xName === "s" ? `${number(hover.x)}s` : `${xName} ${hover.x}`}`;
      const tw = c.measureText(text).width + 10, left = Math.min(w - tw - 2, Math.max(2, px(hover.x) - tw / 2));
      const top = py(hover.y) > 36 ? py(hover.y) - 28 : py(hover.y) + 10;
      c.fillStyle = colour("--ink"); c.beginPath(); c.roundRect(left, top, tw, 18, 4); c.fill();
      c.fillStyle = colour("--paper"); c.textAlign = "left"; c.textBaseline = "middle"; c.fillText(text, left + 5, top + 9.5);
    }
  }

  // By x first; of several lines the one whose point is nearest in height.
  const far = (p, at) => Math.abs(p.x - at) / (range[1] - range[0] || 1) + (all.length > 1 ? Math.abs(canvas.toY(p.y) - down) * 1e-6 : 0);
  const near = (at) => shown.reduce((a, b) => (far(b, at) < far(a, at) ? b : a), shown[0]);
  canvas.addEventListener("pointermove", (e) => { down = e.offsetY; hover = shown.length ? near(canvas.toX(e.offsetX)) : null; draw(); });
  canvas.addEventListener("pointerleave", () => { hover = null; draw(); });
  // It may be made long before it is in the page: nothing is drawn until it has a size there.
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  return canvas;
}

// Of more points than the eye can tell apart, the least and the greatest of each column stay.
function line(c, points, px, py, stroke) {
  c.strokeStyle = stroke;
  c.lineWidth = 1.6;
  c.lineJoin = "round";
  c.beginPath();
  let column = null, lo, hi;
  const flush = () => { if (column != null) { c.lineTo(column, py(hi)); if (lo !== hi) c.lineTo(column, py(lo)); } };
  const few = points.length < 800;
  for (const p of points) {
    if (few) { c.lineTo(px(p.x), py(p.y)); continue; }
    const x = Math.round(px(p.x));
    if (x !== column) { flush(); column = x; lo = hi = p.y; } else { lo = Math.min(lo, p.y); hi = Math.max(hi, p.y); }
  }
  flush();
  c.stroke();
  if (points.length <= 40) for (const p of points) { c.beginPath(); c.arc(px(p.x), py(p.y), 2.2, 0, 7); c.fillStyle = stroke; c.fill(); }
}

// A pipeline's shape: tasks of one matrix, or instances of a mapped task, fold into one node, nodes into layers, layers into a drawing.
import { h, svg, page } from "./dom.js";
import { mark, summary, word, over } from "./state.js";

const MEMBER = /^(.+)__(\d+)$/;
const INSTANCE = /^(.+)\[(\d+)\]$/;
const H = 46, GAP_X = 54, GAP_Y = 18, CHAR = 8.3;

// tasks: [{task_id, downstream_task_ids}] → nodes [{id, members, next: Set}] in their order. Tasks NAME__0,
// NAME__1, … are one node NAME, and so are NAME[0], NAME[1], …
export function fold(tasks) {
  const count = {};
  for (const t of tasks) {
    const m = MEMBER.exec(t.task_id);
    if (m) count[m[1]] = (count[m[1]] || 0) + 1;
  }
  const home = (id) => { const m = MEMBER.exec(id); return INSTANCE.exec(id)?.[1] ?? (m && count[m[1]] > 1 ? m[1] : id); };
  const number = (id) => Number((INSTANCE.exec(id) ?? MEMBER.exec(id))?.[2] ?? 0);
  const nodes = new Map();
  for (const t of tasks) {
    const id = home(t.task_id);
    if (!nodes.has(id)) nodes.set(id, { id, members: [], next: new Set(), tasks: [] });
    const node = nodes.get(id);
    node.members.push(t.task_id);
    node.tasks.push(t);
    for (const d of t.downstream_task_ids || []) node.next.add(home(d));
  }
  for (const n of nodes.values()) {
    n.many = count[n.id] > 1 || INSTANCE.test(n.members[0]);
    n.members.sort((a, b) => number(a) - number(b));
    for (const id of n.next) if (!nodes.has(id) || id === n.id) n.next.delete(id);
  }
  return inOrder([...nodes.values()]);
}

// Each node after all it waits for, and its layer: the longest way from a start.
function inOrder(nodes) {
  const by = new Map(nodes.map((n) => [n.id, n]));
  const waits = new Map(nodes.map((n) => [n.id, 0]));
  for (const n of nodes) for (const id of n.next) waits.set(id, waits.get(id) + 1);
  const ready = nodes.filter((n) => !waits.get(n.id));
  const out = [];
  for (const n of nodes) n.layer = 0;
  while (ready.length) {
    const n = ready.shift();
    out.push(n);
    for (const id of n.next) {
      const m = by.get(id);
      m.layer = Math.max(m.layer, n.layer + 1);
      waits.set(id, waits.get(id) - 1);
      if (!waits.get(id)) ready.push(m);
    }
  }
  return out.length === nodes.length ? out : nodes;
}

// An edge over several layers gets a bend in each of them, which takes its room as a node does: so no
// edge runs behind a node. Gives the edges as [from, bends…, to] and everything that takes room.
function bend(nodes) {
  const by = new Map(nodes.map((n) => [n.id, n]));
  const all = [...nodes];
  for (const n of nodes) { n.after = []; n.before = []; }
  const join = (a, b) => { a.after.push(b); b.before.push(a); };
  const ways = nodes.flatMap((n) => [...n.next].map((id) => {
    const m = by.get(id);
    const way = [n];
    for (let layer = n.layer + 1; layer < m.layer; layer++) way.push({ bend: true, layer, after: [], before: [] });
    way.push(m);
    all.push(...way.slice(1, -1));
    for (let i = 1; i < way.length; i++) join(way[i - 1], way[i]);
    return way;
  }));
  return { ways, all };
}

// Fewer crossings: each layer is put in the order of its neighbours' middles, a few times over.
function arrange(all) {
  const layers = [];
  for (const n of all) (layers[n.layer] ||= []).push(n);
  const number = (layer) => layer.forEach((n, i) => { n.at = i - (layer.length - 1) / 2; });
  layers.forEach(number);
  const settle = (layer, side) => {
    for (const n of layer) n.want = n[side].length ? n[side].reduce((s, m) => s + m.at, 0) / n[side].length : n.at;
    layer.sort((a, b) => a.want - b.want);
    number(layer);
  };
  for (let i = 0; i < 4; i++) {
    for (const layer of layers) settle(layer, "before");
    for (const layer of [...layers].reverse()) settle(layer, "after");
  }
  return layers;
}

const widthOf = (n) => (n.bend ? 0 : Math.min(260, 46 + CHAR * Math.max(n.id.length, n.many ? 15 : 12)));

function place(nodes) {
  const { ways, all } = bend(nodes);
  const layers = arrange(all);
  let x = 2, tall = 0;
  for (const layer of layers) {
    const wide = Math.max(...layer.map(widthOf));
    for (const n of layer) { n.x = x; n.w = wide; }
    x += wide + GAP_X;
    tall = Math.max(tall, layer.length);
  }
  const height = tall * (H + GAP_Y) + 12;
  for (const n of all) n.y = height / 2 + n.at * (H + GAP_Y) - H / 2;
  return { ways, width: x - GAP_X + 10, height };
}

// A smooth line through the bends; straight where it passes a layer.
function line(way) {
  let d = "";
  way.forEach((n, i) => {
    const y = n.y + H / 2;
    if (i === 0) { d = `M${n.x + n.w + (n.many ? 8 : 0)} ${y}`; return; }
    const last = way[i - 1], x1 = last.x + last.w + (last.many ? 8 : 0), half = Math.max(20, (n.x - x1) / 2);
    d += `C${x1 + half} ${last.y + H / 2} ${n.x - half} ${y} ${n.x} ${y}`;
    if (n.bend) d += `H${n.x + n.w}`;
  });
  return d;
}

const cut = (text, w) => {
  const most = Math.floor((w - 40) / CHAR);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
};

function nodeText(n, states) {
  if (!states) return n.many ? `${n.members.length} ${INSTANCE.test(n.members[0]) ? "instances" : "parameter sets"}` : n.tasks[0].operator_name || "task";
  const own = n.members.map((id) => states.get(id)?.state ?? null);
  if (!n.many) return word(own[0]);
  const done = own.filter(over).length;
  return done === own.length ? `${own.filter((s) => s === "success").length} of ${own.length} succeeded` : `${done} of ${own.length} done`;
}

function drawNode(n, { states, href, chosen }) {
  const state = states ? summary(n.members.map((id) => states.get(id)?.state ?? null)) : null;
  const m = states ? mark(state) : null;
  if (m) { m.setAttribute("x", n.x + 13); m.setAttribute("y", n.y + 11); m.setAttribute("width", 12); m.setAttribute("height", 12); }
  const tx = n.x + (m ? 33 : 14);
  const on = chosen && n.members.includes(chosen);
  const shape = svg("g", { class: `node ${m ? m.getAttribute("class").replace("mark ", "") : ""} ${on ? "chosen" : ""}` },
    n.many ? [8, 4].map((d) => svg("rect", { class: "behind", x: n.x + d, y: n.y - d, width: n.w, height: H, rx: 8 })) : null,
    svg("rect", { x: n.x, y: n.y, width: n.w, height: H, rx: 8 }), m,
    svg("text", { x: tx, y: n.y + 21 }, cut(n.id, n.w)),
    svg("text", { x: tx, y: n.y + 37, class: "small" }, nodeText(n, states)));
  return svg("a", { href: href(n), "aria-label": `${n.id}: ${nodeText(n, states)}` }, shape);
}

// states: Map task_id → task instance, or null for the bare shape. href(node): where a click leads.
export function graph(tasks, { states = null, href, chosen = null }) {
  const nodes = fold(tasks);
  if (!nodes.length) return h("div", { class: "empty" }, h("b", {}, "No tasks"));
  const { ways, width, height } = place(nodes);
  const edges = ways.map((way) => svg("path", { d: line(way),
    class: states && way.at(-1).members.some((t) => states.get(t)?.state === "running") ? "edge live" : "edge" }));
  return h("div", { class: "graph" }, svg("svg", { class: "dag", width, height, viewBox: `0 0 ${width} ${height}`,
    role: "group", "aria-label": "Tasks and their order" }, edges, nodes.map((n) => drawNode(n, { states, href, chosen }))));
}

export const taskHref = (dag, run, node) => page("run", { dag, run, task: node.members[0] });

// Task instances by their tasks. A mapped task has one for each of its values, T[0], T[1], …: members of one node T.
const MAPPED = /^(.+)\[(\d+)\]$/;

const key = (ti) => (ti.map_index >= 0 ? `${ti.task_id}[${ti.map_index}]` : ti.task_id);
export const byKey = (list) => new Map(list.map((ti) => [key(ti), ti]));
export const keyOf = key;

// The tasks as they became in the runs of these instances: a mapped one makes way for its own.
export function unfolded(tasks, list) {
  const maps = new Map();
  for (const ti of list) {
    if (!(ti.map_index >= 0)) continue;
    if (!maps.has(ti.task_id)) maps.set(ti.task_id, new Set());
    maps.get(ti.task_id).add(ti.map_index);
  }
  return !maps.size ? tasks : tasks.flatMap((t) => (maps.has(t.task_id)
    ? [...maps.get(t.task_id)].sort((a, b) => a - b).map((i) => ({ ...t, task_id: `${t.task_id}[${i}]`, of: t.task_id })) : [t]));
}

// What the scheduler calls it: { task, map }, map undefined where there is none.
export function named(id) {
  const m = MAPPED.exec(id ?? "");
  return m ? { task: m[1], map: Number(m[2]) } : { task: id };
}

// What changed between two texts, line by line: the longest common lines stay, the rest went or came.
const MOST = 1500; // lines of each that are compared

// [{ kind: "same" | "gone" | "come", text }], or null when the texts are too long for it.
export function textdiff(before, after) {
  const a = before.split("\n"), b = after.split("\n");
  if (a.length > MOST || b.length > MOST) return null;
  const w = b.length + 1;
  const common = new Uint16Array((a.length + 1) * w); // lines in common of what follows i and j
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * w + j] = a[i] === b[j] ? common[(i + 1) * w + j + 1] + 1 : Math.max(common[(i + 1) * w + j], common[i * w + j + 1]);
    }
  }
  const out = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { out.push({ kind: "same", text: a[i++] }); j++; }
    else if (i < a.length && (j === b.length || common[(i + 1) * w + j] >= common[i * w + j + 1])) out.push({ kind: "gone", text: a[i++] });
    else out.push({ kind: "come", text: b[j++] });
  }
  return out;
}

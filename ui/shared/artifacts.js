// The files of a run: a tree on the left, what is in a file on the right.
import { h, replace, setQuery } from "./dom.js";
import { tracking } from "./api.js";
import { empty } from "./panel.js";

const IMAGE = /\.(png|jpe?g|gif|webp|svg|bmp)$/i;
const BINARY = /\.(pkl|joblib|parquet|npy|npz|pt|pth|h5|onnx|zip|gz|xz|bin|model|db|so|whl|pdf)$/i;
const PREVIEW = 512 * 1024; // bytes of a text shown at most

export function size(n) {
  if (n == null) return "";
  const units = ["B", "KB", "MB", "GB", "TB"];
  let i = 0, v = Number(n);
  while (v >= 1000 && i < 4) { v /= 1000; i++; }
  return `${i && v < 10 ? v.toFixed(1) : Math.round(v)} ${units[i]}`;
}

const base = (path) => path.split("/").pop();

export function artifacts(run, chosen, signal) {
  const view = h("div", { class: "view" });
  const tree = h("div", { class: "tree" });

  const download = (file) => h("p", {}, h("a", { class: "button", href: tracking.artifactUrl(run, file.path), download: base(file.path) },
    `Download ${base(file.path)}`), " ", h("span", { class: "quiet" }, size(file.file_size)));

  async function preview(file) {
    const url = tracking.artifactUrl(run, file.path);
    if (IMAGE.test(file.path)) return h("img", { src: url, alt: file.path });
    if (BINARY.test(file.path)) return h("p", { class: "quiet" }, "Not a text: download it to look inside.");
    if (Number(file.file_size) > PREVIEW) return h("p", { class: "quiet" }, "Too long to show here.");
    const text = await tracking.artifact(run, file.path, "text", signal);
    if (text.includes("\0")) return h("p", { class: "quiet" }, "Not a text: download it to look inside.");
    return h("pre", {}, file.path.endsWith(".json") ? pretty(text) : text);
  }

  const pretty = (text) => { try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } };

  async function open(file, button) {
    for (const b of tree.querySelectorAll("[aria-current]")) b.removeAttribute("aria-current");
    button?.setAttribute("aria-current", "true");
    setQuery({ file: file.path });
    const at = h("div", {});
    replace(view, h("h3", {}, file.path), download(file), at);
    try { replace(at, await preview(file)); } catch (error) {
      if (error.name !== "AbortError") replace(at, h("p", { class: "wrong" }, error.message));
    }
  }

  // A file further down, named in the address: its folder is asked how long it is.
  async function openDeep(path) {
    const beside = await tracking.artifacts(run, path.split("/").slice(0, -1).join("/"), signal).catch(() => []);
    const file = beside.find((f) => f.path === path);
    if (file && !file.is_dir) open(file);
  }

  async function list(path) {
    const files = (await tracking.artifacts(run, path, signal)).sort((a, b) => b.is_dir - a.is_dir || a.path.localeCompare(b.path));
    return h("ul", {}, files.map((f) => {
      const below = h("div", {});
      const button = h("button", { type: "button", "data-path": f.path, "aria-expanded": f.is_dir ? "false" : null },
        f.is_dir ? "▸ " : "", h("span", { class: "clip" }, base(f.path)), h("span", { class: "size" }, f.is_dir ? "" : size(f.file_size)));
      button.addEventListener("click", async () => {
        if (!f.is_dir) return open(f, button);
        const on = button.getAttribute("aria-expanded") !== "true";
        button.setAttribute("aria-expanded", String(on));
        button.firstChild.textContent = on ? "▾ " : "▸ ";
        replace(below, on ? await list(f.path).catch((e) => h("p", { class: "wrong" }, e.message)) : null);
      });
      return h("li", {}, button, below);
    }));
  }

  return { load: () => list("").then((root) => ({ root, n: root.children.length })), view: ({ root, n }) => {
    if (!n) return empty("No artifacts", h("span", {}, "Files logged with mlflow.log_artifact() appear here."));
    replace(tree, root);
    replace(view, h("p", { class: "quiet" }, "Choose a file to look at it."));
    const wanted = chosen && [...tree.querySelectorAll("button")].find((b) => b.dataset.path === chosen);
    if (wanted) wanted.click();
    else if (chosen) openDeep(chosen);
    return h("div", { class: "files" }, tree, view);
  } };
}

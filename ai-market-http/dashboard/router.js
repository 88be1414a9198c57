// Which view the address names: `#/tasks/<id>` is one that can be shared.

let listener = () => {};

export function current() {
  const parts = location.hash.replace(/^#\/?/, "").split("/");
  let id = null;
  try {
    id = parts.length > 1 ? decodeURIComponent(parts.slice(1).join("/")) : null;
  } catch {
    id = parts.slice(1).join("/");
  }
  if (parts[0] === "tasks" && id) return { view: "task", id };
  if (parts[0] === "workers" && id) return { view: "worker", id };
  if (["workers", "leaderboard", "log", "keys"].includes(parts[0])) return { view: parts[0], id: null };
  return { view: "overview", id: null };
}

export const taskLink = (id) => `#/tasks/${encodeURIComponent(id)}`;
export const workerLink = (id) => `#/workers/${encodeURIComponent(id)}`;
export const go = (hash) => {
  location.hash = hash;
};

export function onRoute(run) {
  listener = run;
  window.addEventListener("hashchange", () => {
    // The skip link names an element, and no view.
    if (location.hash === "#main") return;
    listener(current());
  });
}

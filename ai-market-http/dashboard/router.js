// Which view the address names: `#/tasks/<id>` is one that can be shared, and so is `#/?status=failed`.

let listener = () => {};

const LISTS = { "": "overview", workers: "workers", leaderboard: "leaderboard", log: "log", keys: "keys" };
const decoded = (text) => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** The view, the id of what it shows or null, and what its list is narrowed to. */
export function current() {
  const path = location.hash.replace(/^#\/?/, "");
  const [, kind, id] = /^(tasks|workers)\/(.+)$/s.exec(path) ?? [];
  if (kind) return { view: kind === "tasks" ? "task" : "worker", id: decoded(id), query: new URLSearchParams() };
  const at = path.indexOf("?");
  const name = (at < 0 ? path : path.slice(0, at)).replace(/\/$/, "");
  return { view: LISTS[name] ?? "overview", id: null, query: new URLSearchParams(at < 0 ? "" : path.slice(at + 1)) };
}

export const taskLink = (id) => `#/tasks/${encodeURIComponent(id)}`;
export const workerLink = (id) => `#/workers/${encodeURIComponent(id)}`;
export const go = (hash) => {
  location.hash = hash;
};

/**
 * Names in the address what the list is narrowed to; null takes a name out. `step` makes it a
 * place to come back to, and shows it as any other address.
 */
export function narrow(changes, step = false) {
  const { view, id, query } = current();
  if (id !== null) return;
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const path = view === "overview" ? "" : view;
  const hash = `#/${path}${query.size > 0 ? `?${query}` : ""}`;
  if (step) go(hash);
  else history.replaceState(null, "", hash);
}

export function onRoute(run) {
  listener = run;
  window.addEventListener("hashchange", () => {
    // The skip link names an element, and no view.
    if (location.hash === "#main") return;
    listener(current());
  });
}

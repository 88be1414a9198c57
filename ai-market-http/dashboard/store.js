// What the views share: who looks, whether the coordinator is there, and what happens.

const listeners = new Map();

export const state = {
  me: null,
  connection: "connecting",
  since: null,
  /** How far the coordinator's clock is ahead of this one, in milliseconds. */
  ahead: 0,
  /** The words that the lists are narrowed to. */
  filter: "",
  /** How many workers are at work, or null while that is not known. */
  workers: null,
};

/** Now, by the coordinator's clock. */
export const now = () => Date.now() + state.ahead;

export function on(name, run) {
  if (!listeners.has(name)) listeners.set(name, new Set());
  listeners.get(name).add(run);
  return () => listeners.get(name).delete(run);
}

export function emit(name, value) {
  for (const run of listeners.get(name) ?? []) run(value);
}

/** Whether who looks may do what only operators do. */
export const mayOperate = () => state.me?.operations === true;
/** Whether who looks may see tasks, workers and counts. */
export const maySee = () => state.me !== null && (!state.me.keys || state.me.role === "admin" || state.me.role === "client");
export const mayManageKeys = () => state.me?.keys === true && state.me.role === "admin";

/** Runs at most once in so many milliseconds, the last request included. */
export function throttle(ms, run) {
  let timer = 0;
  let last = 0;
  return () => {
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      last = performance.now();
      run();
    }, Math.max(0, last + ms - performance.now()));
  };
}

/** Runs regularly while the page is seen, never twice at once. */
export function every(ms, run) {
  let busy = false;
  const tick = async () => {
    if (document.hidden || busy) return;
    busy = true;
    try {
      await run();
    } finally {
      busy = false;
    }
  };
  setInterval(tick, ms);
  document.addEventListener("visibilitychange", tick);
  return tick;
}

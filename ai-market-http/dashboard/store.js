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

/** Between two runs of what takes long. */
const LONGEST = 10_000;

/**
 * Runs at most once in so many milliseconds, and a fifth of the time at most where it takes long; the
 * last request included.
 */
export function throttle(ms, run) {
  let wanted = false;
  let running = false;
  let next = 0;
  return async () => {
    wanted = true;
    if (running) return;
    running = true;
    try {
      while (wanted) {
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
        wanted = false;
        const begun = performance.now();
        await run();
        next = begun + Math.max(ms, Math.min(LONGEST, 5 * (performance.now() - begun)));
      }
    } finally {
      running = false;
    }
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

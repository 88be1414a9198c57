// What happens, line by line, and never more than a frame can bear.
import { $, h, perFrame, setText, show } from "./dom.js";
import { count } from "./format.js";
import { START, compare, isAfter, newer } from "./ids.js";
import { EACH, Kept, PER_SECOND, isRare } from "./kept.js";
import { line } from "./parts.js";
import { narrow } from "./router.js";
import { maySee, now, on, state } from "./store.js";
import { remembered } from "./stream.js";

const KINDS = [
  "task_created", "task_leased", "task_answered", "task_finalized", "task_failed", "task_cancelled", "task_requeued",
  "worker_registered", "worker_stale", "worker_gone", "worker_returned", "worker_suspended", "worker_probation", "worker_reinstated", "market_reset",
];
/** How far back a rare kind is looked for, in events of all kinds; the coordinator allows no more. */
const BACK = 20_000;
/** How far back a usual kind is looked for. */
const LAST = 1_000;

const kept = new Kept();
/** Taken since the last frame. */
let fresh = [];
/** What was kept when it was paused, which is shown until it is resumed. */
let held = null;
let kind = "";
let newest = START;
let skipped = 0;
/** Whether events were lost; how many nobody knows, since their ids need not be consecutive. */
let missed = false;
let looking = null;
let drawnOn = "";

const today = () => new Date(now()).toDateString();

function fits(e) {
  if (kind !== "" && e.event !== kind) return false;
  const words = state.filter.toLowerCase();
  return words === "" || [e.worker_id, e.task_type, e.task_id, e.label, e.reason, e.event].some((v) => v && String(v).toLowerCase().includes(words));
}

/** That something is not shown is read out once, and how much that is never. */
function says() {
  const parts = [held !== null && "Paused.", skipped > 0 && `Much happens: of the most frequent events ${PER_SECOND} a second are shown.`, missed && "Some events were lost on the way."];
  setText($("log-says"), parts.filter(Boolean).join(" "));
  const numbers = [skipped > 0 && `${count(skipped)} skipped`, missed && "some lost"];
  setText($("log-skipped"), numbers.filter(Boolean).join(", "));
}

function empty() {
  const none = $("log").childElementCount === 0;
  show($("log-empty"), none);
  if (none) setText($("log-empty"), looking !== null ? "Looking for earlier ones …" : kept.isEmpty ? "Nothing happened yet." : "No event fits the filter.");
}

const flush = perFrame(() => {
  const lines = fresh.reverse().filter(fits);
  fresh = [];
  if (!$("view-log").hidden && held === null) {
    if (drawnOn !== today()) redraw();
    else $("log").prepend(...lines.map(line));
    while ($("log").childElementCount > EACH) $("log").lastElementChild.remove();
    empty();
  }
  says();
});

function redraw() {
  drawnOn = today();
  fresh = [];
  const lines = held === null ? kept.newest(kind) : held.sort((a, b) => compare(b.id, a.id));
  $("log").replaceChildren(...lines.filter(fits).slice(0, EACH).map(line));
  empty();
  says();
}

const redrawSoon = perFrame(() => !$("view-log").hidden && redraw());

function take(event) {
  newest = newer(newest, event.id);
  const became = kept.offer(event);
  if (became === "skipped") skipped += 1;
  if (became === "taken" && fresh.push(event) > EACH) fresh.shift();
  flush();
}

function found(event) {
  if (!kept.insert(event)) return;
  held?.push(event);
  redrawSoon();
}

/** Asks what there was of the kind, since this page has not seen it all. */
async function lookBack() {
  looking?.abort();
  looking = null;
  if (kind === "" || newest === START || !maySee() || $("view-log").hidden) return;
  const mine = (looking = new AbortController());
    try {
    await remembered({ event: kind, last: isRare(kind) ? BACK : LAST }, { signal: mine.signal, take: found });
  } catch {
    // What was seen here is shown; the connection tells of the rest.
  }
  if (looking !== mine) return;
  looking = null;
  redrawSoon();
}

function pause() {
  held = held === null ? kept.newest("") : null;
  $("log-pause").setAttribute("aria-pressed", String(held !== null));
  $("log-pause").textContent = held !== null ? "Resume" : "Pause";
  redraw();
}

function clear() {
  kept.clear();
  [skipped, missed] = [0, false];
  if (held !== null) held = [];
  redraw();
}

/** Takes from the address which kind is shown. */
function arrive({ view, query }) {
  if (view !== "log") {
    looking?.abort();
    looking = null;
    return;
  }
  const wanted = KINDS.includes(query.get("event")) ? query.get("event") : "";
  $("log-kind").value = wanted;
  kind = wanted;
  lookBack();
  redraw();
}

export function startLog() {
  $("log-kind").append(...KINDS.map((name) => h("option", { value: name }, name.replace(/_/g, " "))));
  on("event", take);
  on("hello", (value) => {
    // Another market's events are not those of this one.
    if (isAfter(newest, value.newest)) kept.clear();
    newest = value.newest;
    lookBack();
  });
  on("missed", () => {
    missed = true;
    flush();
  });
  on("shown", arrive);
  on("filter", () => !$("view-log").hidden && redraw());
  $("log-kind").addEventListener("change", () => narrow({ event: $("log-kind").value }, true));
  $("log-pause").addEventListener("click", pause);
  $("log-clear").addEventListener("click", clear);
}

// Pieces that several views show.
import { h } from "./dom.js";
import { count, moment, percent, short, stamp } from "./format.js";
import { taskLink, workerLink } from "./router.js";
import { now, state } from "./store.js";

export const badge = (word) => h("span", { class: `badge is-${/^[a-z]+$/.test(word) ? word : "other"}` }, word);

/** What somebody else wrote, in one line: its direction and its marks change nothing beside it. */
export function foreign(text, most = 60) {
  const words = String(text ?? "");
  const shown = /^[\s\p{Cf}\p{M}]*$/u.test(words) ? "␣" : short(words, most);
  return h("bdi", { class: "foreign", title: words.length > most ? short(words, 400) : null }, shown);
}

/** Several such words, one after the other. */
export const several = (texts, most = 40, shown = 50) => [...texts.slice(0, shown).map((text, i) => [i > 0 ? ", " : null, foreign(text, most)]), texts.length > shown ? ` and ${count(texts.length - shown)} more` : null];

/** A worker's name, which leads to it. */
export function workerName(id, most = 48) {
  // In an address these two have another meaning.
  if (id === "." || id === "..") return foreign(id);
  return h("a", { href: workerLink(id), title: id, class: "name" }, foreign(id, most));
}

export const taskName = (id) => h("a", { href: taskLink(id), title: id, class: "id" }, String(id).slice(-8));

/** How many votes there are of those that are wanted: a bar with its text. */
export function votes(done, wanted) {
  const share = wanted > 0 ? Math.min(1, done / wanted) : 0;
  const bar = h("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--share", String(share));
  return h("span", { class: "votes" }, bar, h("span", { class: "votes-text" }, `${count(done)}/${count(wanted)}`), h("span", { class: "visually-hidden" }, " votes"));
}

/** The parts that a label names, where it is a list of spans; else null. */
export function spansOf(label) {
  if (typeof label !== "string" || !label.startsWith("[")) return null;
  let list;
  try {
    list = JSON.parse(label);
  } catch {
    return null;
  }
  const fits = (s) => s !== null && typeof s === "object" && Number.isInteger(s.start) && Number.isInteger(s.end) && s.start >= 0 && s.start < s.end && typeof s.type === "string";
  return Array.isArray(list) && list.length <= 2000 && list.every(fits) ? list : null;
}

/** A label in one line. */
export function labelText(label, most = 60) {
  if (label === null || label === undefined) return "–";
  const spans = spansOf(label);
  if (spans === null) return short(label, most);
  if (spans.length === 0) return "nothing found";
  const kinds = new Map();
  for (const span of spans) kinds.set(span.type, (kinds.get(span.type) ?? 0) + 1);
  return short([...kinds].map(([type, n]) => `${n} × ${type}`).join(", "), most);
}

export function answer(label, agreement, most = 40) {
  if (label === null || label === undefined) return h("span", { class: "quiet" }, "–");
  return h("span", { class: "answer", title: short(label, 500) }, h("b", {}, foreign(labelText(label, most), most)), agreement === null || agreement === undefined ? null : h("span", { class: "quiet" }, ` ${percent(agreement)}`));
}

/** A text of somebody in full, which runs as its first letters do. */
export const longText = (...pieces) => h("p", { class: "text", dir: "auto" }, pieces);

/** A text with the parts that an answer names marked; they count in characters, and what overlaps is listed. */
export function marked(text, spans) {
  const chars = Array.from(text);
  const pieces = [];
  const rest = [];
  let at = 0;
  for (const span of spans) {
    if (span.start < at || span.end > chars.length) {
      rest.push(span);
      continue;
    }
    pieces.push(chars.slice(at, span.start).join(""));
    pieces.push(h("mark", { class: "span", "data-type": span.type }, chars.slice(span.start, span.end).join(""), h("small", {}, " ", foreign(span.type, 24))));
    at = span.end;
  }
  pieces.push(chars.slice(at).join(""));
  return [longText(pieces), rest.length > 0 ? h("p", { class: "quiet" }, "also: ", rest.slice(0, 50).map((span, i) => [i > 0 ? ", " : null, foreign(span.type, 24), ` ${span.start}–${span.end}`])) : null];
}

const command = (text) => h("pre", { class: "command" }, h("code", {}, text));
export const plain = (text) => h("p", {}, text);

const known = (value) => value !== null && value !== undefined;

/** A list of names and values; `null` leaves one out. */
export const fields = (list) =>
  h("dl", { class: "fields" }, list.filter(([, , value]) => known(value)).map(([name, title, value]) => h("div", { "data-field": `${name}-field` }, h("dt", {}, title), h("dd", { "data-field": name }, value))));

/** Columns that hold numbers, which stand at the right. */
const NUMBERS = new Set(["Confidence", "Points", "Answers", "Agreement", "Late", "Lost leases", "Mean time"]);

export const table = (name, title, heads, rows) =>
  h("div", { id: `${name}-scroll`, class: "scroll", role: "region", tabindex: "0", "aria-label": title }, h("table", { id: name, class: "cards" }, h("caption", { class: "visually-hidden" }, title), h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col", class: NUMBERS.has(head) ? "num" : null }, head)))), h("tbody", {}, rows)));

/** What an event says. */
function tell(e) {
  const task = e.task_id ? taskName(e.task_id) : null;
  const who = e.worker_id ? workerName(e.worker_id, 40) : null;
  const ofType = e.task_type ? [" (", foreign(e.task_type, 32), ")"] : null;
  switch (e.event) {
    case "task_created": return ["task ", task, ofType, ` created, wants ${count(e.wanted)} votes`];
    case "task_leased": return [who, " took task ", task, ofType];
    case "task_answered": return [who, " answered task ", task, ofType, ` – ${count(e.submission_count)}/${count(e.wanted)} votes`];
    case "task_finalized": return ["task ", task, ofType, " is ", h("b", { title: short(e.label, 400) }, foreign(labelText(e.label, 60), 60)), `, ${percent(e.agreement)} of ${count(e.submission_count)} votes`];
    case "task_failed": return ["task ", task, ofType, " failed: ", foreign(e.reason, 120)];
    case "task_cancelled": return ["task ", task, ofType, " cancelled: ", foreign(e.reason, 120)];
    case "task_requeued": return ["task ", task, ofType, " taken back from ", who, ` (${e.cause})`];
    case "worker_registered": return [who, " registered for ", foreign((e.task_types ?? []).join(", "), 120)];
    case "worker_stale": return [who, " is silent"];
    case "worker_gone": return [who, " is gone"];
    case "worker_returned": return [who, " is back"];
    case "worker_suspended": return [who, " suspended", ofType, ": ", foreign(e.reason, 120)];
    case "worker_probation": return [who, " is on probation", ofType, ": ", foreign(e.reason, 120)];
    case "worker_reinstated": return [who, " reinstated", ofType];
    case "market_reset": return ["everything was forgotten"];
    default: return [foreign(JSON.stringify(e), 160)];
  }
}

/** An event as a line of text and links. */
export const line = (e) =>
  h("li", { "data-event": e.event, "data-id": e.id }, h("time", { datetime: e.at, title: moment(e.at) }, stamp(e.at, now())), " ", h("span", { class: "event-name" }, String(e.event).replace(/_/g, " ")), " ", h("span", { class: "event-text" }, tell(e)));

const here = () => location.origin + location.pathname.replace(/\/+$/, "");
const quoted = (word) => (/^[\w.-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** How a worker is started, as nodes; with keys it shows one of its own. */
export function startWorker() {
  const keys = state.me?.keys === true;
  const own = state.me?.worker_id ?? null;
  const run = `cargo run --release --example worker -- ${quoted(own ?? "alice")} --coordinator ${here()}`;
  if (!keys) return [command(run)];
  const issue = own === null ? [" An operator issues one with ", h("code", {}, "coordinator keys create --role worker --worker-id alice"), "."] : null;
  return [command(`AI_MARKET_KEY=aim_worker_... ${run}`), h("p", { class: "quiet" }, "Put the worker's key in the place of ", h("code", {}, "aim_worker_..."), ".", issue)];
}

/** How the market is asked something from elsewhere, as nodes. */
export function askMarket() {
  const key = state.me?.keys === true ? " -H 'authorization: Bearer aim_client_...'" : "";
  return [plain("Ask the market something above, or from a program:"), command(`curl -s ${here()}/tasks -H 'content-type: application/json'${key} -d '{"text": "What a day!"}'`)];
}

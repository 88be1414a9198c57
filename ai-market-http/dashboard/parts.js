// Pieces that several views show.
import { h } from "./dom.js";
import { count, percent, short } from "./format.js";
import { taskLink, workerLink } from "./router.js";

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

export const command = (text) => h("pre", { class: "command" }, h("code", {}, text));
export const plain = (text) => h("p", {}, text);

// The events that a page keeps: the newest of each kind, so that what is rare outlasts what is not.
import { compare, isAfter } from "./ids.js";

/** What makes up nearly all that happens. */
const USUAL = new Set(["task_created", "task_leased", "task_answered", "task_finalized"]);
/** So many events of a kind are kept. */
export const EACH = 500;
/** So many usual events are taken in a second, of all kinds together. */
export const PER_SECOND = 50;
/** Of any other kind so many: few are so many that a page could not bear them. */
const RARE_PER_SECOND = 200;

/** Whether so few of this kind happen that its newest thousand events of all kinds may hold none. */
export const isRare = (kind) => !USUAL.has(kind);

export class Kept {
  #kinds = new Map();
  #second = 0;
  #taken = new Map();

  get isEmpty() {
    return this.#kinds.size === 0;
  }

  clear() {
    this.#kinds.clear();
  }

  /** Takes an event, or skips it where too many came within this second; tells which, or that it was known. */
  offer(event) {
    // What is read at the beginning comes all at once.
    if (!event.past && !this.#hasRoom(event)) return "skipped";
    return this.insert(event) ? "taken" : "known";
  }

  #hasRoom(event) {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken.clear();
    }
    const rare = isRare(event.event);
    const share = rare ? event.event : "usual";
    const taken = this.#taken.get(share) ?? 0;
    this.#taken.set(share, taken + 1);
    return taken < (rare ? RARE_PER_SECOND : PER_SECOND);
  }

  /** Puts an event where it belongs, unless it is there, or older than all of its kind that are kept. */
  insert(event) {
    const kind = this.#kinds.get(event.event) ?? [];
    this.#kinds.set(event.event, kind);
    let at = kind.length;
    while (at > 0 && isAfter(kind[at - 1].id, event.id)) at -= 1;
    if (kind[at - 1]?.id === event.id || (at === 0 && kind.length >= EACH)) return false;
    kind.splice(at, 0, event);
    if (kind.length > EACH) kind.shift();
    return true;
  }

  /** All events, or those of a kind, newest first. */
  newest(kind) {
    const list = kind ? (this.#kinds.get(kind) ?? []) : [...this.#kinds.values()].flat();
    return list.slice().sort((a, b) => compare(b.id, a.id));
  }
}

// What happened to one task or worker, newest first: what the coordinator remembers, and what comes.
import { h, perFrame, say, show } from "./dom.js";
import { START, isAfter } from "./ids.js";
import { line } from "./parts.js";
import { maySee, on } from "./store.js";
import { remembered } from "./stream.js";

const LINES = 200;
const NEWEST = 1000;

/** A timeline at the end of a section; `by` is what the coordinator calls whose it is. */
export function timeline({ name, title, by, section, begins }) {
  const list = h("ol", { id: name, class: "log scroll", tabindex: "0", "aria-label": `${title}, newest first` });
  const note = h("p", { class: "quiet", role: "status" });
  const earlier = h("button", { type: "button", id: `${name}-earlier` }, "Look further back");
  const node = h("section", { "aria-label": title, tabindex: "-1", hidden: true }, h("h2", {}, title), list, note, h("p", { class: "pager" }, earlier));
  section.append(node);

  let subject = null;
  let asked = null;
  /** Newest first, each with its line. */
  let shown = [];
  let waiting = [];

  const put = (event) => {
    const at = shown.findIndex((other) => !isAfter(other.id, event.id));
    const place = at < 0 ? shown.length : at;
    if (shown[place]?.id === event.id || place >= LINES) return;
    const entry = { id: event.id, node: line(event), first: event.event === begins };
    list.insertBefore(entry.node, shown[place]?.node ?? null);
    shown.splice(place, 0, entry);
    if (shown.length > LINES) shown.pop().node.remove();
  };
  const flush = perFrame(() => {
    const events = waiting;
    waiting = [];
    events.forEach(put);
    if (shown.length > 0 && asked === null) say(note, null);
  });
  const add = (event) => {
    waiting.push(event);
    if (waiting.length > LINES) waiting.shift();
    flush();
  };

  async function look(all) {
    asked?.abort();
    const mine = new AbortController();
    asked = mine;
    show(earlier, false);
    say(note, "looking …");
    const place = all ? { after: START } : { last: NEWEST };
    try {
      let first = false;
      let found = 0;
      const take = (event) => {
        first ||= event.event === begins;
        found += 1;
        if (!mine.signal.aborted) add(event);
      };
      const after = await remembered({ [by]: subject, ...place }, { signal: mine.signal, take });
      if (asked !== mine) return;
      show(earlier, !all && !first && after !== START);
      say(note, found > 0 || shown.length > 0 ? null : all || after === START ? "The coordinator remembers nothing of it." : `Nothing of it is among the newest ${NEWEST} events.`);
    } catch (error) {
      if (asked !== mine) return;
      show(earlier, true);
      say(note, `What happened cannot be looked up: ${error.message}.`);
    }
    asked = null;
  }

  earlier.addEventListener("click", () => {
    // The button goes.
    node.focus({ preventScroll: true });
    look(true);
  });
  on("missed", () => subject !== null && look(false));

  return {
    /** Shows what happened to this one from now on; nothing with `null`. */
    of(id) {
      const next = maySee() ? id : null;
      if (next === subject) return;
      asked?.abort();
      asked = null;
      subject = next;
      shown = [];
      waiting = [];
      list.replaceChildren();
      show(node, subject !== null);
      if (subject !== null) look(false);
    },
    add(event) {
      if (subject !== null && event[by] === subject) add(event);
    },
  };
}

// The stream of events, over fetch: so a key goes in a header and never in an address.
import { open } from "./api.js";
import { START, isAfter } from "./ids.js";

/** After so long without a word a stream is given up, in milliseconds. */
const SILENCE = 40_000;
const FIRST_WAIT = 500;
/** How long a page that nobody sees keeps its stream: browsers open few connections to one place. */
const LET_GO = 4_000;
/** After how long away what happened meanwhile is not told event by event. */
const LONG_AWAY = 60_000;
const LONGEST_WAIT = 15_000;

/** Takes lines apart into events. */
function parser(emit) {
  let rest = "";
  let data = [];
  let name = "";
  let id = null;
  const line = (text) => {
    if (text === "") {
      if (data.length > 0) emit({ name: name || "message", id, data: data.join("\n") });
      else if (id !== null) emit({ name: "", id, data: "" });
      data = [];
      name = "";
      return;
    }
    if (text.startsWith(":")) return;
    const colon = text.indexOf(":");
    const field = colon < 0 ? text : text.slice(0, colon);
    let value = colon < 0 ? "" : text.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "data") data.push(value);
    else if (field === "event") name = value;
    else if (field === "id") id = value;
  };
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const text of lines) line(text.endsWith("\r") ? text.slice(0, -1) : text);
  };
}

/**
 * Follows the events until it is stopped, and connects again by itself.
 * `on.event(value)`, `on.hello(value)`, `on.missed(value)`, `on.state(name, detail)`.
 */
export function follow(query, on) {
  let stopped = false;
  let lastId = null;
  let wait = FIRST_WAIT;
  let abort = null;
  let timer = 0;
  let since = null;
  let wake = null;
  let away = 0;
  /** Whether the coordinator took the stream that is open, or was. */
  let answered = false;
  /** The last event before the page was away for long. */
  let before = null;
  /** The newest event that was told: what comes again is not told again. */
  let told = START;

  function take({ name, id, data }) {
    if (id !== null) lastId = id;
    if (data === "") return;
    let value;
    try {
      value = JSON.parse(data);
    } catch {
      return;
    }
    if (name === "hello") {
      // Events of another market have ids of their own.
      if (isAfter(told, value.newest)) told = START;
      on.hello(value, since !== null);
      if (before !== null && isAfter(value.id, before)) on.missed({ after: before, until: value.id });
      before = null;
      since = null;
      wait = FIRST_WAIT;
      on.state("connected");
    } else if (name === "missed") on.missed(value);
    else if (name === "caught_up") return;
    else if (isAfter(value.id, told)) {
      told = value.id;
      on.event(value);
    }
  }

  async function once() {
    abort = new AbortController();
    answered = false;
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => abort.abort(), SILENCE);
    };
    watch();
    if (lastId !== null && since !== null && Date.now() - since > LONG_AWAY) {
      before = lastId;
      lastId = null;
    }
    const more = lastId === null ? {} : { "Last-Event-ID": lastId };
    const asked = lastId === null ? query : { ...query, last: null };
    try {
      const response = await open("events", { query: asked, signal: abort.signal, more: { Accept: "text/event-stream", ...more } });
      answered = true;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const feed = parser(take);
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        watch();
        feed(value);
      }
    } finally {
      clearTimeout(timer);
      abort.abort();
    }
  }

  const pause = (ms) =>
    new Promise((resolve) => {
      const id = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(id);
        resolve();
      };
    });

  (async () => {
    while (!stopped) {
      if (document.hidden) await new Promise((resolve) => (wake = resolve));
      if (stopped) return;
      let error = null;
      try {
        await once();
      } catch (failed) {
        error = failed;
      }
      if (stopped) return;
      if (error?.status === 401 || error?.status === 403) {
        on.state("refused", { error });
        return;
      }
      since ??= Date.now();
      const rest = wait * (0.75 + Math.random() / 2);
      tell(error, rest);
      await pause(rest);
      wait = Math.min(wait * 2, LONGEST_WAIT);
      if (!stopped && error?.status !== 429) on.state("connecting", { since });
    }
  })();

  /** Says what is the matter: only one that cannot be reached is gone. */
  function tell(error, rest) {
    if (error?.status === 429) on.state("refused", { error });
    else if (document.hidden || (error?.name === "AbortError" && !answered)) on.state("connecting", { since });
    else on.state("reconnecting", { since, until: Date.now() + rest });
  }

  const soon = () => {
    wait = FIRST_WAIT;
    wake?.();
  };
  // A page that the browser keeps to go back to would hold one of the few connections that it
  // opens to a coordinator.
  const left = () => abort?.abort();
  const seen = () => {
    clearTimeout(away);
    if (document.hidden) away = setTimeout(left, LET_GO);
    else soon();
  };
  document.addEventListener("visibilitychange", seen);
  window.addEventListener("online", soon);
  window.addEventListener("pageshow", soon);
  window.addEventListener("pagehide", left);
  return {
    stop() {
      stopped = true;
      clearTimeout(away);
      document.removeEventListener("visibilitychange", seen);
      window.removeEventListener("online", soon);
      window.removeEventListener("pageshow", soon);
      window.removeEventListener("pagehide", left);
      abort?.abort();
      wake?.();
    },
    soon,
  };
}

/**
 * Gives the events that have happened and fit `query` to `take`, oldest first. Tells after which
 * event it looked.
 */
export async function remembered(query, { signal, take }) {
  const enough = new AbortController();
  const end = () => enough.abort();
  signal.addEventListener("abort", end);
  let after = null;
  let isAll = false;
  const feed = parser(({ name, data }) => {
    if (data === "" || isAll) return;
    const value = JSON.parse(data);
    if (name === "hello") after = value.id;
    else if (name === "caught_up") isAll = true;
    else if (name !== "missed") take(value);
  });
  let timer = 0;
  try {
    const response = await open("events", { query, signal: enough.signal, more: { Accept: "text/event-stream" } });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    while (!isAll) {
      clearTimeout(timer);
      timer = setTimeout(end, SILENCE);
      const { done, value } = await reader.read();
      if (done) throw new Error("the coordinator broke off");
      feed(value);
    }
  } catch (error) {
    throw enough.signal.aborted ? new Error("the coordinator is silent") : error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    end();
  }
  return after;
}

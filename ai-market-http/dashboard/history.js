// Events of before, asked for once.
import { open } from "./api.js";
import { parser } from "./stream.js";

/** After so long a silence nothing more of before comes. */
const SILENCE = 3_000;
const PATIENCE = 15_000;

/**
 * Reads the events there are that fit, oldest first, and gives each to `take`. A stream does not
 * end, and says the last place of those that fit only now and then: so its silence is its end.
 */
export async function history(query, signal, take) {
  const done = new AbortController();
  let timer = setTimeout(() => done.abort(), PATIENCE);
  const heard = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(() => done.abort(), ms);
  };
  let newest = Infinity;
  const feed = parser(({ name, data }) => {
    if (data === "" || name === "missed") return;
    const value = JSON.parse(data);
    if (name === "hello") newest = value.newest;
    else take(value);
    if ((value.id ?? 0) >= newest) done.abort();
  });
  try {
    const response = await open("events", { query, signal: AbortSignal.any([signal, done.signal]), more: { Accept: "text/event-stream" } });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      heard(SILENCE);
      const { done: ended, value } = await reader.read();
      if (ended) return;
      feed(value);
    }
  } catch (error) {
    if (!done.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    done.abort();
  }
}

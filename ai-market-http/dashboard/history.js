// What the coordinator remembers of something, asked for once.
import { open } from "./api.js";
import { SILENCE, parser } from "./stream.js";

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

// What the coordinator remembers of something, asked for once.
import { open } from "./api.js";
import { parser } from "./stream.js";

/**
 * Gives the events that fit `query` to `take`, oldest first, and ends when there are no more of them
 * or none came for `quiet` milliseconds. Tells after which event it looked.
 */
export async function remembered(query, { signal, quiet, take }) {
  const enough = new AbortController();
  const end = () => enough.abort();
  signal.addEventListener("abort", end);
  let hello = null;
  const feed = parser(({ name, data }) => {
    if (data === "") return;
    const value = JSON.parse(data);
    if (name === "hello") hello = value;
    else if (name !== "missed") take(value);
    if (hello !== null && (value.id ?? 0) >= hello.newest) end();
  });
  let timer = 0;
  try {
    const response = await open("events", { query, signal: enough.signal, more: { Accept: "text/event-stream" } });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      clearTimeout(timer);
      timer = setTimeout(end, quiet);
      const { done, value } = await reader.read();
      if (done) break;
      feed(value);
    }
  } catch (error) {
    if (!enough.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    end();
  }
  return hello?.id ?? null;
}

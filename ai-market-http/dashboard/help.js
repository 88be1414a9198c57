// What to type to take part: commands with the address of this coordinator, and never with a key.
import { h } from "./dom.js";
import { command, plain } from "./parts.js";
import { state } from "./store.js";

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

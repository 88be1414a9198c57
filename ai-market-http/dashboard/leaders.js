// The few workers with most points, beside the form of the overview.
import { page } from "./api.js";
import { $, h, patch, show } from "./dom.js";
import { count, percent } from "./format.js";
import { workerName } from "./parts.js";
import { maySee, on, state, throttle } from "./store.js";

const MOST = 5;
let asked = 0;

const line = (tally) =>
  h(
    "li",
    { "data-name": tally.worker_id },
    workerName(tally.worker_id, 32),
    h("span", { class: "leader-points" }, h("b", {}, count(tally.points)), tally.points === 1 ? " point" : " points"),
    h("span", { class: "quiet" }, `${percent(tally.agreement)} agree`),
  );

async function load() {
  if (!maySee() || $("view-overview").hidden || document.hidden) return;
  const mine = (asked += 1);
  try {
    const { items } = await page("leaderboard", { by: "worker", limit: MOST });
    if (mine !== asked) return;
    patch($("leaders"), items.map(line));
    show($("leaders-panel"), items.length > 0);
  } catch {
    // What cannot be had now is asked for again with the next task; the line at the top says why.
  }
}

export function startLeaders() {
  const soon = throttle(2000, load);
  on("event", (e) => !e.past && (e.event === "task_finalized" || e.event === "market_reset") && soon());
  on("reload", load);
  on("shown", ({ view }) => view === "overview" && state.me && load());
}

// Who has most points, by worker, model or type.
import { page } from "./api.js";
import { $, cell, h, patch, show } from "./dom.js";
import { count, model, percent, seconds } from "./format.js";
import { foreign, plain, workerName } from "./parts.js";
import { narrow } from "./router.js";
import { maySee, on, state, throttle } from "./store.js";

let by = "worker";
/** `null` until they are known. */
let items = null;
let asked = 0;
const NAMES = { worker: "Worker", model: "Model", task_type: "Type" };

const nameOf = (tally) => (by === "worker" ? tally.worker_id : by === "model" ? (tally.model ? model(tally.model) : "no model named") : tally.task_type);

function row(tally, i) {
  const name = nameOf(tally) ?? "–";
  const mayOpen = by === "worker" && (maySee() || state.me?.worker_id === name);
  return h(
    "tr",
    { "data-name": name },
    cell("#", { class: "num" }, i + 1),
    cell(NAMES[by], { class: "name-cell" }, mayOpen ? workerName(name) : h("span", { class: "name" }, foreign(name, 60))),
    cell("Points", { class: "num" }, h("b", {}, count(tally.points))),
    cell("Answers", { class: "num" }, count(tally.submissions)),
    cell("Agreement", { class: "num" }, percent(tally.agreement)),
    cell("Lost leases", { class: "num" }, count(tally.lost_leases)),
    cell("Mean time", { class: "num" }, seconds(tally.mean_latency_seconds)),
  );
}

function draw() {
  if (items === null) return;
  const words = state.filter.toLowerCase();
  const fitting = items.map((tally, i) => [tally, i]).filter(([tally]) => words === "" || String(nameOf(tally)).toLowerCase().includes(words));
  $("leaderboard-name").textContent = NAMES[by];
  patch($("leaderboard-body"), fitting.map(([tally, i]) => row(tally, i)));
  show($("leaderboard"), fitting.length > 0);
  say(fitting.length > 0 ? null : plain(items.length === 0 ? "Nobody has points yet: they come with the first task that is finalized." : "Nothing here fits the filter."));
}

function say(node) {
  patch($("leaderboard-empty"), node);
  show($("leaderboard-empty"), node !== null);
}

async function load() {
  if (!state.me || $("view-leaderboard").hidden || document.hidden) return;
  const mine = (asked += 1);
  try {
    const { items: list } = await page("leaderboard", { by, limit: 100 });
    if (mine !== asked) return;
    items = list;
    draw();
  } catch (error) {
    if (mine !== asked || error.status === 401 || (error.status === 0 && items !== null)) return;
    say(plain(`The leaderboard cannot be shown: ${error.message}.`));
  }
}

function choose(tab) {
  by = tab.dataset.by;
  narrow({ by: by === "worker" ? null : by });
  for (const other of $("leaderboard-tabs").children) {
    other.setAttribute("aria-selected", String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
  }
  $("leaderboard-panel").setAttribute("aria-labelledby", tab.id);
  items = null;
  patch($("leaderboard-body"));
  load();
}

export function startLeaderboard() {
  const tabs = [...$("leaderboard-tabs").children];
  const soon = throttle(2000, load);
  on("event", (e) => !e.past && (e.event === "task_finalized" || e.event === "market_reset") && soon());
  on("reload", load);
  on("shown", ({ view, query }) => {
    if (view !== "leaderboard") return;
    const named = tabs.find((tab) => tab.dataset.by === (query.get("by") ?? "worker")) ?? tabs[0];
    if (named.dataset.by === by) load();
    else choose(named);
  });
  on("filter", () => !$("view-leaderboard").hidden && draw());
  // A worker's key is told of no events.
  setInterval(() => !maySee() && load(), 5000);
  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (e) => {
      const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -tabs.indexOf(tab), End: tabs.length - 1 - tabs.indexOf(tab) };
      if (!(e.key in steps)) return;
      e.preventDefault();
      const other = tabs[(tabs.indexOf(tab) + steps[e.key] + tabs.length) % tabs.length];
      other.focus();
      choose(other);
    });
  }
}

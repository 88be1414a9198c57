// Puts the pieces together: who looks, which view, and the stream that keeps it live.
import { startChart } from "./chart.js";
import { $, say, setText, show } from "./dom.js";
import { startFilter } from "./filter.js";
import { clock, millis } from "./format.js";
import { START, isAfter } from "./ids.js";
import { startLeaders } from "./leaders.js";
import { startLog } from "./log.js";
import { identify, startLogin } from "./login.js";
import { startOverview } from "./overview.js";
import { current, go, onRoute } from "./router.js";
import { emit, mayManageKeys, maySee, on, state, throttle } from "./store.js";
import { follow } from "./stream.js";
import { startSubmit } from "./submit.js";
import { startTasks } from "./tasks.js";
import { startTheme } from "./theme.js";
import { startTypes } from "./types.js";

const VIEWS = ["login", "overview", "workers", "leaderboard", "log", "task", "worker", "keys"];
/** Those that come after what a page begins with: each file takes a browser its time. */
const LATER = ["workers", "leaderboard", "task", "worker", "keys"];
/** After so long at the latest, in milliseconds: they are there when the coordinator is gone. */
const LATE = 500;
const PREFILL = 100;

let stream = null;
let detail = {};
/** The newest event at the last hello: what comes up to it happened before. */
let past = START;

function connection(name, more = {}) {
  state.connection = name;
  detail = more;
  tellConnection();
  if (name === "connected" && others === "missing") loadViews();
  emit("connection", name);
}

function tellConnection() {
  const box = $("connection");
  box.dataset.state = state.connection;
  const since = detail.since ? `, gone since ${clock(detail.since)}` : "";
  const says = {
    connected: "connected",
    connecting: `connecting …${since}`,
    reconnecting: `no coordinator${since}: again in ${Math.max(1, Math.ceil(((detail.until ?? 0) - Date.now()) / 1000))} s`,
    refused: detail.error ? `no events: ${detail.error.message}` : "no events",
    idle: "not live",
  };
  // Only a change of the state is read out, and not each second of the wait.
  box.setAttribute("aria-live", state.connection === "reconnecting" && box.dataset.told === "reconnecting" ? "off" : "polite");
  box.dataset.told = state.connection;
  setText(box, says[state.connection]);
}

function view() {
  const route = current();
  if (state.me === null && state.needsKey) return { ...route, view: "login", id: null };
  if (state.me !== null && !maySee()) {
    if (route.view === "workers" && state.me.worker_id) return { ...route, view: "worker", id: state.me.worker_id };
    if (route.view === "leaderboard" || (route.view === "worker" && route.id === state.me.worker_id)) return route;
    return route.view === "worker" || route.view === "task" ? route : { ...route, view: "leaderboard", id: null };
  }
  if (route.view === "keys" && !mayManageKeys()) return { ...route, view: "overview", id: null };
  return route;
}

/** Whether the other views are asked for, are there, or could not be had. */
let others = "unasked";

async function loadViews() {
  if (others === "asked" || others === "there") return;
  const again = others === "missing";
  others = "asked";
  let views;
  try {
    views = await import("./views.js");
  } catch {
    others = "missing";
    say($("notice"), "A part of this page could not be loaded. It will be once the coordinator is there.");
    return;
  }
  views.startViews();
  others = "there";
  if (again) say($("notice"), null);
  if (LATER.includes(view().view)) render();
}

let before = null;

function render() {
  const now = view();
  const isLater = LATER.includes(now.view);
  if (isLater) loadViews();
  for (const name of VIEWS) show($(`view-${name}`), name === now.view && (others === "there" || !isLater));
  const section = now.view === "task" ? "overview" : now.view === "worker" ? "workers" : now.view;
  for (const link of document.querySelectorAll("#nav a")) {
    const name = link.dataset.nav;
    if (name === "workers") setText(link, state.me !== null && !maySee() ? "My worker" : "Workers");
    if (name === section) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (name !== "keys") show(link, maySee() || (state.me !== null && (name === "leaderboard" || (name === "workers" && state.me.worker_id !== null))));
  }
  const title = $(`${now.view}-title`)?.textContent ?? "Overview";
  document.title = `${title}${now.id ? ` ${now.id.slice(0, 60)}` : ""} – ai-market`;
  const key = `${now.view} ${now.id}`;
  if (before !== null && before !== key) {
    window.scrollTo(0, 0);
    // Whoever hears the page is told that it is another one.
    if (now.view === "login") $("login-key").focus();
    else $("main").focus({ preventScroll: true });
  }
  before = key;
  emit("shown", now);
}

const reload = throttle(1000, () => emit("reload"));

function connect() {
  stream?.stop();
  stream = null;
  past = START;
  if (!maySee()) {
    connection("idle");
    return;
  }
  connection("connecting");
  stream = follow(
    { last: PREFILL },
    {
      hello(value, again) {
        state.ahead = millis(value.now) - Date.now() || 0;
        // What is sent again after a break happened while nobody looked.
        past = value.newest;
        emit("hello", value);
        if (again) reload();
      },
      missed(value) {
        emit("missed", value);
        reload();
      },
      event(value) {
        value.past = !isAfter(value.id, past);
        emit("event", value);
        if (value.event === "market_reset" && !value.past) reload();
      },
      state: connection,
    },
  );
}

function startWorkersNotice() {
  on("me", () => {
    const own = state.me.worker_id;
    say($("notice"), state.me.keys && state.me.role === "worker" ? "A worker's key shows the leaderboard and its own worker; tasks and the log are for clients and admins." : null);
    if (own && !maySee() && !location.hash) go(`#/workers/${encodeURIComponent(own)}`);
  });
}

startTheme();
startLogin();
startFilter();
startWorkersNotice();
const tick = startOverview();
startChart();
startTasks();
startTypes();
startLog();
startLeaders();
startSubmit();
onRoute(render);
on("me", () => {
  connect();
  render();
  tick();
  setTimeout(loadViews, LATE);
});
on("logout", (was) => {
  stream?.stop();
  stream = null;
  connection("idle");
  // What the key showed is not left to whoever comes next.
  if (was !== null) location.reload();
  else render();
});
on("unreachable", () => {
  const since = detail.since ?? Date.now();
  connection("reconnecting", { since, until: Date.now() + 2000 });
});
on("reachable", (there) => there && state.connection === "reconnecting" && stream?.soon());
// What holds the focus is not left under the head of the page, which may take several lines.
new ResizeObserver(([head]) => document.documentElement.style.setProperty("--head", `${head.borderBoxSize[0].blockSize}px`)).observe($("head"));
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  $("main").focus();
});
setInterval(tellConnection, 1000);
render();
identify();

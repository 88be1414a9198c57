// The box at the top: it opens what it names, and narrows the list to the words in it.
import { get, workerPath } from "./api.js";
import { $, h, replace, show } from "./dom.js";
import { foreign } from "./parts.js";
import { current, go, narrow, taskLink, workerLink } from "./router.js";
import { emit, maySee, on, state } from "./store.js";

/** The lists that can be narrowed, by view, with the name of their parts in the page. */
const LISTS = { overview: "tasks", workers: "workers", leaderboard: "leaderboard", log: "log" };
const TASK = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** As much of an id as the page shows of it, at the least. */
const PART = /^[0-9a-f-]{8,35}$/i;
const LONGEST = 200;

let view = "overview";
/** Words that name nothing, which is told once their list is there. */
let unknown = null;

function use(words) {
  if (state.filter === words) return;
  state.filter = words;
  emit("filter");
}

/** Says what the list is narrowed to, and takes it away. */
function chips() {
  for (const [name, list] of Object.entries(LISTS)) {
    const box = $(`${list}-chip`);
    const { query } = current();
    const parts = name !== view ? [] : [query.get("status"), query.get("event")?.replace(/_/g, " "), query.get("type"), state.filter && `“${state.filter}”`].filter(Boolean);
    show(box, parts.length > 0);
    if (parts.length === 0) continue;
    const clear = h("button", { type: "button", class: "small" }, "Show all");
    clear.addEventListener("click", () => {
      $(`${list}-title`).focus();
      narrow({ status: null, event: null, type: null, q: null }, true);
    });
    replace(box, "Only ", parts.map((part, i) => [i > 0 ? ", " : null, h("b", {}, foreign(part, 80))]), " ", clear);
  }
}

function tell(words) {
  show($("search-says"), words !== null);
  replace($("search-says"), words === null ? null : ["No task and no worker is called “", foreign(words, 80), "”; the list shows what it fits."]);
}

function shown(route) {
  view = route.view;
  const words = view in LISTS ? (route.query.get("q") ?? "") : "";
  if ($("search").value.trim() !== words) $("search").value = words;
  tell(unknown);
  unknown = null;
  use(words);
  chips();
}

function typed() {
  tell(null);
  if (!(view in LISTS)) return;
  // An id is on its way to be opened, and narrows nothing.
  const typing = $("search").value.trim();
  const words = TASK.test(typing) ? "" : typing;
  narrow({ q: words });
  use(words);
  chips();
}

/** The task of this id, or the one on the page of which this is a part. */
function taskNamed(words) {
  if (TASK.test(words)) return words;
  if (!PART.test(words)) return null;
  const ids = new Set([...document.querySelectorAll('a[href^="#/tasks/"]')].map((link) => decodeURIComponent(link.hash.slice("#/tasks/".length))));
  const part = words.toLowerCase();
  const fitting = [...ids].filter((id) => id.startsWith(part) || id.endsWith(part));
  return fitting.length === 1 ? fitting[0] : null;
}

async function isWorker(words) {
  if (words.length > LONGEST || words === "." || words === "..") return false;
  if (!maySee()) return state.me?.worker_id === words;
  try {
    await get(workerPath(words));
    return true;
  } catch {
    return false;
  }
}

function open(hash) {
  // The list is whole again for who comes back to it.
  narrow({ q: null });
  $("search").value = "";
  go(hash);
}

async function find(event) {
  event.preventDefault();
  const words = $("search").value.trim();
  if (words === "") return;
  const task = taskNamed(words);
  if (task !== null) return open(taskLink(task));
  const worker = await isWorker(words);
  if ($("search").value.trim() !== words) return;
  if (worker) return open(workerLink(words));
  if (view in LISTS) return tell(words);
  unknown = words;
  go(`#/?${new URLSearchParams({ q: words })}`);
}

export function startFilter() {
  on("shown", shown);
  $("search-form").addEventListener("submit", find);
  $("search").addEventListener("input", typed);
}

// Which types of tasks there are, and whether anybody is there for them.
import { get } from "./api.js";
import { $, h, replace, show } from "./dom.js";
import { foreign, plain, startWorker } from "./parts.js";
import { emit, maySee, on, state } from "./store.js";

const NAMED = 3;
let unserved = [];
let told = "";

/** Names of types, of which few are told. */
function names(list) {
  const first = list.slice(0, NAMED).map((type, i) => [i > 0 ? ", " : null, foreign(type.task_type, 40)]);
  return list.length > NAMED ? [first, ` and ${list.length - NAMED} more types`] : first;
}

function draw() {
  if (!maySee()) return;
  const nobody = state.workers === 0;
  // It is read out as it changes, so it changes only where something is new.
  const seen = JSON.stringify([nobody, state.me.keys, unserved.map((type) => type.task_type)]);
  if (seen === told) return;
  told = seen;
  show($("notice"), unserved.length > 0);
  replace($("notice"), unserved.length > 0 ? ["No worker here serves ", names(unserved), ": open tasks wait for one."] : null);
  show($("start"), nobody || unserved.length > 0);
  const other = h("p", { class: "quiet" }, "It does what the bundled model can; ", h("code", {}, "--model TYPE=FOLDER"), " has a model of your own do another type.");
  replace($("start-help"), plain(nobody ? "No worker is at work here:" : "For a type that nobody serves:"), startWorker(), unserved.length > 0 ? other : null);
}

async function load() {
  if (!state.me || document.hidden) return;
  try {
    const list = await get("task-types", { limit: 200 });
    replace($("type-list"), list.map((type) => h("option", { value: type.task_type })));
    emit("types", list);
    unserved = list.filter((type) => type.open > 0 && !type.served);
    draw();
  } catch {
    // What is known stays; the connection tells of the rest.
  }
}

export function startTypes() {
  on("me", () => {
    told = "";
    load();
  });
  on("reload", load);
  on("stats", draw);
  setInterval(load, 5000);
}

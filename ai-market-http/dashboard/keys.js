// The keys of a market that asks for some: issue, list, rotate, revoke.
import { confirm, field, taken } from "./actions.js";
import { ownKeyId, page, post, remove } from "./api.js";
import { $, cell, h, patch, show } from "./dom.js";
import { moment } from "./format.js";
import { badge, foreign } from "./parts.js";
import { mayManageKeys, on } from "./store.js";

let keys = [];
let cursor = null;
let next = null;

function revoke(key) {
  const own = key.id === ownKeyId();
  confirm({
    title: [`Revoke key ${key.id}?`],
    text: `${own ? "You are logged in with this key, and will be logged out. " : ""}Whoever uses this ${key.role} key is refused from now on. It cannot be undone.`,
    label: own ? "Revoke my own key" : "Revoke",
    danger: true,
    run: async () => {
      await remove(`keys/${encodeURIComponent(key.id)}`);
      return { done: [`Key ${key.id} is revoked.`] };
    },
  });
}

function rotate(key) {
  const hours = field("hours", "Hours that the old key is still accepted", { type: "number", min: 0, max: 8760, step: "any", value: 24, required: true });
  confirm({
    title: [`Rotate key ${key.id}?`],
    text: `A new ${key.role} key with the same rights takes its place. The old one is accepted beside it for a while, so that whoever uses it can change.`,
    fields: [hours],
    label: "Rotate",
    run: async (values) => shown(await post(`keys/${encodeURIComponent(key.id)}/rotate`, { overlap_seconds: Number(values.hours) * 3600 })),
  });
}

function row(key) {
  const button = (action, title, kind) => h("button", { type: "button", class: `${kind}small`, "data-action": action, "aria-label": `${title} key ${key.id}` }, `${title} …`);
  const actions = [key.state === "live" ? button("rotate", "Rotate", "") : null, key.revoked_at ? null : button("revoke", "Revoke", "danger ")];
  return h(
    "tr",
    { "data-key-id": key.id, "data-state": key.state },
    cell("Id", {}, h("code", {}, key.id), key.id === ownKeyId() ? h("small", { class: "own" }, " this is yours") : null),
    cell("Role", {}, key.role),
    cell("Worker", { class: "wrap" }, key.worker_id ? foreign(key.worker_id, 40) : "–"),
    cell("Owner", { class: "wrap" }, key.owner ? foreign(key.owner, 40) : "–"),
    cell("State", {}, badge(key.state)),
    cell("Created", {}, moment(key.created_at)),
    cell("Expires", {}, key.expires_at ? moment(key.expires_at) : "never"),
    cell("Actions", {}, actions.some(Boolean) ? h("div", { class: "row" }, actions) : "–"),
  );
}

const newestFirst = (one, other) => String(other.created_at).localeCompare(String(one.created_at));

async function load() {
  if (!mayManageKeys() || $("view-keys").hidden) return;
  try {
    const list = await page("keys", { limit: 1000, cursor });
    next = list.cursor;
    keys = list.items.sort(newestFirst);
    patch($("keys-body"), keys.map(row));
    show($("keys-next"), next !== null || cursor !== null);
    $("keys-next").textContent = next === null ? "First page" : "Next page";
  } catch (error) {
    if (error.status === 0 && keys.length > 0) return;
    patch($("keys-body"), h("tr", {}, h("td", { colspan: 8 }, `The keys cannot be shown: ${error.message}.`)));
  }
}

function shown(issued) {
  const input = h("input", { id: "new-key", readonly: true, value: issued.key, "aria-label": "The new key", spellcheck: "false" });
  const copy = h("button", { type: "button", id: "new-key-copy" }, "Copy");
  copy.addEventListener("click", async () => {
    input.select();
    try {
      await navigator.clipboard.writeText(issued.key);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Selected: copy it by hand";
    }
    taken();
  });
  return { text: `The new ${issued.role} key is shown this once: keep it where it is safe.`, content: h("div", { class: "row" }, input, copy), once: input };
}

function create() {
  const role = field("role", "Role", {}, ...["client", "worker", "admin"].map((name) => h("option", { value: name }, name)));
  const worker = field("worker_id", "Worker id", {});
  show(worker, false);
  role.querySelector("select").addEventListener("change", (event) => {
    const isWorker = event.target.value === "worker";
    show(worker, isWorker);
    worker.querySelector("input").required = isWorker;
  });
  confirm({
    title: ["Create a key"],
    text: "A client's key creates and reads tasks, a worker's key works as one worker, an admin's key does everything else.",
    fields: [role, worker, field("owner", "Owner (optional)", {}), field("expires_at", "Expires (optional)", { type: "datetime-local" })],
    label: "Create",
    run: async (values) => {
      if (values.role !== "worker") delete values.worker_id;
      if (values.expires_at) values.expires_at = new Date(values.expires_at).toISOString();
      return shown(await post("keys", values));
    },
  });
}

export function startKeys() {
  on("shown", ({ view }) => view === "keys" && load());
  on("reload", load);
  $("key-create").addEventListener("click", create);
  $("keys-body").addEventListener("click", (event) => {
    const action = event.target.closest("button")?.dataset.action;
    const id = event.target.closest("tr")?.dataset.keyId;
    const key = keys.find((other) => other.id === id);
    if (key && action) ({ rotate, revoke })[action](key);
  });
  $("keys-next").addEventListener("click", () => {
    cursor = next;
    load();
  });
}

// The coordinator's routes, relative to where these files lie.
import { local, session, store, stored } from "./storage.js";

const BASE = new URL("../", import.meta.url);
const KEY = "ai-market.key";
const PATIENCE = 15_000;

let key = stored(session, KEY) ?? stored(local, KEY);
const loggedOut = new Set();

/** An answer that is no success, or none at all (status 0). */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const hasKey = () => key !== null;

/** What the key is called by those who manage keys: it names itself, as `aim_<role>_<id>_<secret>`. */
export const ownKeyId = () => key?.split("_")[2] ?? null;

/** Uses a key from now on; `stay` keeps it beyond this tab. */
export function useKey(value, stay) {
  key = value;
  store(session, KEY, stay ? null : value);
  store(local, KEY, stay ? value : null);
}

export function forgetKey() {
  key = null;
  store(session, KEY, null);
  store(local, KEY, null);
}

/** Tells when a key is not, or no longer, accepted. */
export const onUnauthorized = (listener) => loggedOut.add(listener);

function address(path, query) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  return url;
}

const headers = () => (key === null ? {} : { Authorization: `Bearer ${key}` });

async function failure(response) {
  let fault = null;
  try {
    fault = (await response.json()).error;
  } catch {
    // The status says enough.
  }
  return new ApiError(response.status, fault?.code ?? "", fault?.message ?? `the coordinator answered ${response.status}`);
}

/** Asks, and fails with an `ApiError`. */
export async function open(path, { method = "GET", query, body, signal, more } = {}) {
  const asked = { method, signal, cache: "no-store", credentials: "omit", redirect: "error", headers: { ...headers(), ...more } };
  if (body !== undefined) {
    asked.body = JSON.stringify(body);
    asked.headers["Content-Type"] = "application/json";
  }
  let response;
  const used = key;
  try {
    response = await fetch(address(path, query), asked);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    if (error instanceof DOMException && error.name === "TimeoutError") throw new ApiError(0, "slow", "the coordinator has not answered yet");
    throw new ApiError(0, "unreachable", "the coordinator cannot be reached");
  }
  if (response.ok) return response;
  const failed = await failure(response);
  if (failed.status === 401 && used === key) loggedOut.forEach((listener) => listener(failed));
  throw failed;
}

async function ask(path, options = {}) {
  const signal = options.signal ? AbortSignal.any([options.signal, AbortSignal.timeout(PATIENCE)]) : AbortSignal.timeout(PATIENCE);
  const response = await open(path, { ...options, signal });
  try {
    return { response, body: await response.json() };
  } catch {
    throw new ApiError(0, "unreachable", "the coordinator's answer broke off");
  }
}

export const get = async (path, query, signal) => (await ask(path, { query, signal })).body;
export const post = async (path, body) => (await ask(path, { method: "POST", body })).body;
export const remove = async (path) => (await ask(path, { method: "DELETE" })).body;

/** A page of a list, with the cursor of the next one or null. */
export async function page(path, query) {
  const { response, body } = await ask(path, { query });
  const link = /<([^>]*)>;\s*rel="next"/.exec(response.headers.get("Link") ?? "");
  const cursor = link ? new URL(link[1], BASE).searchParams.get("cursor") : null;
  return { items: body, cursor };
}

export const workerPath = (id) => `workers/${encodeURIComponent(id)}`;
export const taskPath = (id) => `tasks/${encodeURIComponent(id)}`;

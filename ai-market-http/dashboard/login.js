// Who looks: everybody where no keys are asked for, or whoever has one.
import { forgetKey, get, hasKey, onUnauthorized, useKey } from "./api.js";
import { $, replace, say, show } from "./dom.js";
import { foreign } from "./parts.js";
import { session, store, stored } from "./storage.js";
import { emit, mayManageKeys, on, state } from "./store.js";

/** Why somebody was logged out, for the page that is loaded anew then. */
const WHY = "ai-market.why";
let timer = 0;

function reason() {
  const why = stored(session, WHY);
  store(session, WHY, null);
  return why;
}

function paint() {
  const { me } = state;
  const inside = me?.keys === true;
  show($("logout-button"), inside);
  show($("session"), inside);
  show($("login-button"), me === null && state.needsKey === true);
  show($("nav-keys"), mayManageKeys());
  replace($("session"), inside ? [me.role, me.worker_id ? [" ", foreign(me.worker_id, 24)] : null] : []);
}

/** Asks the coordinator who this is, until it answers. */
export async function identify() {
  clearTimeout(timer);
  try {
    state.me = await get("me");
    state.needsKey = false;
    say($("login-error"), null);
    paint();
    emit("me", state.me);
    return true;
  } catch (error) {
    if (error.status === 401) {
      leave(hasKey() ? "The key is not accepted, or no longer." : reason());
      return false;
    }
    // One that is busy, or that this browser has no connection left for, is there.
    if (error.code !== "slow" && error.status !== 429) emit("unreachable", error);
    timer = setTimeout(identify, 2000);
    return false;
  }
}

function leave(why) {
  forgetKey();
  const was = state.me;
  state.me = null;
  state.needsKey = true;
  say($("login-error"), why);
  if (was !== null) store(session, WHY, why);
  paint();
  emit("logout", was);
}

export function startLogin() {
  $("login-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const value = $("login-key").value.trim();
    // A header holds no other characters, and no key has them.
    if (!/^[\x21-\x7e]+$/.test(value)) {
      say($("login-error"), "That is no key: keys begin with aim_.");
      return;
    }
    $("login-submit").disabled = true;
    useKey(value, $("login-stay").checked);
    await identify();
    $("login-submit").disabled = false;
  });
  // Whenever it came to be accepted, it is not left in the page.
  on("me", () => {
    $("login-key").value = "";
  });
  $("login-button").addEventListener("click", () => $("login-key").focus());
  $("logout-button").addEventListener("click", () => leave(null));
  onUnauthorized(() => {
    if (state.me !== null) leave("The key is not accepted any more.");
  });
}

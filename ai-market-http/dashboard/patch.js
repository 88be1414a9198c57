// Brings what is shown to what is to be shown, and leaves alone all that stays: so focus, selection
// and scrolling are the reader's.
import { $, h } from "./dom.js";

/** What tells an element from its neighbours; the others are told by their place. */
const keyOf = ({ id, dataset }) => id || dataset?.field || dataset?.workerId || dataset?.keyId || dataset?.id || dataset?.name || dataset?.action || "";
const alike = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

/** Makes `children` what is within `node`; elements keep the listeners that they had. */
export function patch(node, ...children) {
  const held = node.contains(document.activeElement) ? document.activeElement : null;
  const around = [];
  for (let place = held; place !== null && place !== node; place = place.parentElement) around.push(place);
  morph(node, h("div", {}, ...children));
  // What is beside it has the focus where what had it is gone.
  if (held !== null && !held.isConnected) beside([...around, node]).focus({ preventScroll: true });
}

const beside = (places) => places.find((place) => place.isConnected)?.querySelector("a[href], button:not([hidden])") ?? $("main");

function morph(node, fresh) {
  const wanted = [...fresh.childNodes];
  const keys = new Set(wanted.map(keyOf));
  for (const child of [...node.childNodes]) if (!keys.has(keyOf(child))) child.remove();
  let at = node.firstChild;
  for (const want of wanted) {
    const found = foundFrom(at, want);
    if (found === null) node.insertBefore(want, at);
    else {
      if (found === at) at = at.nextSibling;
      else node.insertBefore(found, at);
      become(found, want);
    }
  }
  while (at !== null) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function foundFrom(at, want) {
  if (at !== null && alike(at, want)) return at;
  if (keyOf(want) === "") return null;
  for (let node = at; node !== null; node = node.nextSibling) if (alike(node, want)) return node;
  return null;
}

function become(node, want) {
  if (node.isEqualNode(want)) return;
  if (node.nodeType !== Node.ELEMENT_NODE) node.nodeValue = want.nodeValue;
  // The page's policy lets no attribute hold a style.
  else if (node.hasAttribute("style") || want.hasAttribute("style")) node.replaceWith(want);
  else {
    for (const { name } of [...node.attributes]) if (!want.hasAttribute(name)) node.removeAttribute(name);
    for (const { name, value } of want.attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value);
    morph(node, want);
  }
}

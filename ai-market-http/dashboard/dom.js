// Elements, built from text alone: nothing that came from anybody is ever read as HTML; and how what
// is shown becomes what is to be shown.

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on") || name === "style") throw new Error(`no ${name} here`);
    node.setAttribute(name, value === true ? "" : String(value));
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(node, child);
    else if (child !== null && child !== undefined && child !== false) {
      node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
  }
}

/** An element with attributes and children; strings among those become text. */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** The same, of SVG. */
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

export const replace = (node, ...children) => {
  node.replaceChildren();
  append(node, children);
};

export const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

export const show = (node, visible) => {
  node.hidden = !visible;
};

/** Shows a text, or hides its element where there is none. */
export const say = (node, text) => {
  setText(node, text ?? "");
  show(node, Boolean(text));
};

/** A function that runs at most once in a frame, however often it is asked to. */
export function perFrame(run) {
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    const go = () => {
      waits = false;
      run();
    };
    if (document.hidden) setTimeout(go, 1000);
    else requestAnimationFrame(go);
  };
}

/** A cell of a table that is a card on small screens, where its label is shown. */
export const cell = (label, attributes, ...children) => h("td", { "data-label": label, ...attributes }, ...children);

/** What tells an element from its neighbours; the others are told by their place. */
const keyOf = ({ id, dataset }) => id || dataset?.field || dataset?.workerId || dataset?.keyId || dataset?.id || dataset?.name || dataset?.action || "";
const alike = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

/**
 * Makes `children` what is within `node`, and leaves alone all that stays: so focus, selection and
 * scrolling are the reader's. Elements keep the listeners that they had.
 */
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

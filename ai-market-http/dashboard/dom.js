// Elements, built from text alone: nothing that came from anybody is ever read as HTML.

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

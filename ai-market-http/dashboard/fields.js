// How all that is known of something is laid out.
import { h } from "./dom.js";

const known = (value) => value !== null && value !== undefined;

/** A list of names and values; `null` leaves one out. */
export const fields = (list) =>
  h("dl", { class: "fields" }, list.filter(([, , value]) => known(value)).map(([name, title, value]) => h("div", { "data-field": `${name}-field` }, h("dt", {}, title), h("dd", { "data-field": name }, value))));

/** Columns that hold numbers, which stand at the right. */
const NUMBERS = new Set(["Confidence", "Points", "Answers", "Agreement", "Late", "Lost leases", "Mean time"]);

export const table = (name, title, heads, rows) =>
  h("div", { id: `${name}-scroll`, class: "scroll", role: "region", tabindex: "0", "aria-label": title }, h("table", { id: name, class: "cards" }, h("caption", { class: "visually-hidden" }, title), h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col", class: NUMBERS.has(head) ? "num" : null }, head)))), h("tbody", {}, rows)));

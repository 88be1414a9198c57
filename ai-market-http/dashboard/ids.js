// The order of event ids: strings of decimal digits, which may be too long for a number.

/** Before every event. */
export const START = "0";

/** Below, at or above zero, as `a` comes before `b`, is `b` or comes after it. */
export const compare = (a, b) => a.length - b.length || (a < b ? -1 : Number(a > b));

export const isAfter = (a, b) => compare(a, b) > 0;

export const newer = (a, b) => (isAfter(a, b) ? a : b);

// How numbers, times and names are written.

const whole = new Intl.NumberFormat("en");

export const count = (n) => (n === null || n === undefined ? "–" : whole.format(n));

/** A share; only all of it is 100 %, and only nothing of it is 0 %. */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  const tenths = Math.round(share * 1000);
  if (share > 0 && tenths === 0) return "< 0.1 %";
  return `${(share < 1 ? Math.min(999, tenths) : tenths) / 10} %`;
}

export function rate(perSecond) {
  if (perSecond === null || !Number.isFinite(perSecond)) return "–";
  if (perSecond === 0) return "0";
  if (perSecond < 0.01) return "< 0.01";
  if (perSecond < 0.095) return perSecond.toFixed(2);
  return perSecond < 9.95 ? perSecond.toFixed(1) : whole.format(Math.round(perSecond));
}

/** A time in two units at most; what is rounded up to a unit is told in it. */
export function seconds(s) {
  if (s === null || s === undefined || !Number.isFinite(s)) return "–";
  if (s < 0.001) return "< 1 ms";
  const ms = Math.round(s * 1000);
  if (ms < 1000) return `${ms} ms`;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  const all = Math.round(s);
  if (all < 60) return `${all} s`;
  if (all < 3600) return `${Math.floor(all / 60)} min ${all % 60} s`;
  if (all < 86400) return `${Math.floor(all / 3600)} h ${Math.floor((all % 3600) / 60)} min`;
  return `${Math.floor(all / 86400)} d ${Math.floor((all % 86400) / 3600)} h`;
}

export const millis = (time) => (time ? Date.parse(time) : NaN);

/** How long ago a time is, by the coordinator's clock. */
export function ago(time, now) {
  const at = millis(time);
  if (Number.isNaN(at)) return "–";
  const s = Math.max(0, (now - at) / 1000);
  return s < 1 ? "now" : `${s < 60 ? `${Math.floor(s)} s` : s < 3600 ? `${Math.floor(s / 60)} min` : seconds(s)} ago`;
}

export function clock(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? "–" : at.toLocaleTimeString("en-GB");
}

const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** The time, with the day where that is not today. */
export function stamp(time, today) {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return "–";
  const same = at.toDateString() === new Date(today).toDateString();
  return same ? clock(at) : `${day.format(at)} ${clock(at)}`;
}

export function moment(time) {
  const at = new Date(time);
  return !time || Number.isNaN(at.getTime()) ? "–" : `${at.toLocaleDateString("sv")} ${at.toLocaleTimeString("en-GB")}`;
}

/** One line of at most so many characters. */
export function short(text, most = 120) {
  const line = String(text ?? "").slice(0, most * 4).replace(/\s+/g, " ").trim();
  const parts = Array.from(line);
  return parts.length > most ? `${parts.slice(0, most - 1).join("")}…` : line;
}

export function model(info) {
  if (!info) return "–";
  return [info.id, info.revision && `@${String(info.revision).slice(0, 12)}`, info.precision && ` (${info.precision})`].filter(Boolean).join("");
}

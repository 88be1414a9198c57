// How numbers, times and names are written.

const whole = new Intl.NumberFormat("en");

export const count = (n) => (n === null || n === undefined ? "–" : whole.format(n));
export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(share * 1000) / 10} %`);

export function rate(perSecond) {
  if (perSecond === null || !Number.isFinite(perSecond)) return "–";
  if (perSecond === 0) return "0";
  return perSecond < 10 ? perSecond.toFixed(1) : whole.format(Math.round(perSecond));
}

export function seconds(s) {
  if (s === null || s === undefined || !Number.isFinite(s)) return "–";
  if (s < 0.001) return "< 1 ms";
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
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

export const hasControl = (text) => /[\u0000-\u001f\u007f]/.test(text);

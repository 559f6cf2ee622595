// Numbers for people. The server sends those that are not finite as words.

export const count = value => Number(value).toLocaleString("en-US");

export const plural = (value, one, many = one + "s") => `${count(value)} ${value === 1 ? one : many}`;

export function short(value) {
  const number = Number(value);
  if (!Number.isFinite(number))
    return Number.isNaN(number) ? "none" : "infinite";
  if (number === 0)
    return "0";
  const size = Math.abs(number);
  return size >= 1e5 || size < 1e-3 ? number.toExponential(1).replace("e+", "e") : String(Number(number.toPrecision(3)));
}

export function duration(seconds) {
  if (seconds < 90)
    return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  if (seconds < 5400)
    return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export const decibels = value => Math.min(100, Number(value)).toFixed(1);

export const bytes = value => value < 1 << 20 ? `${Math.max(1, Math.round(value / 1024))} KiB` : `${(value / (1 << 20)).toFixed(1)} MiB`;

export const day = text => new Date(text).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

import type { Value } from "./api/types";

/** DTDL units as people write them; what is missing is shown by its own name. */
const UNITS: Record<string, string> = {
  metre: "m", kilometre: "km", millimetre: "mm", degreeOfArc: "°", watt: "W", kilowatt: "kW", kilowattHour: "kWh", volt: "V", ampere: "A", percent: "%",
  kilometrePerHour: "km/h", metrePerSecond: "m/s", degreeCelsius: "°C", kilovoltAmpere: "kVA", microgramPerCubicMetre: "µg/m³", decibel: "dB", second: "s",
  minute: "min", hour: "h", bar: "bar", unity: "",
};

export function unitText(unit: string | null | undefined): string {
  if (!unit) return "";
  return UNITS[unit] ?? unit;
}

/** Four significant digits, thousands separated by a thin space: 12 345, 3.142, 0.001235. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value)) return groups(value.toFixed(0));
  const size = Math.abs(value);
  if (size >= 1000) return groups(value.toFixed(0));
  const text = Number(value.toPrecision(4)).toString();
  return text.replace("-", "−");
}

function groups(text: string): string {
  const negative = text.startsWith("-");
  const digits = negative ? text.slice(1) : text;
  return (negative ? "−" : "") + digits.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

export function valueText(value: Value | undefined): string {
  if (value === undefined || value === null) return "–";
  if (typeof value === "number") return numberText(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return isTime(value) ? timeText(value) : value;
  return JSON.stringify(value);
}

export function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text));
}

/** Local date and time, to the second. */
export function timeText(iso: string): string {
  const at = new Date(iso);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clockText(at)}`;
}

export function clockText(at: Date): string {
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** An age in one unit: 4 s, 12 min, 3 h, 5 d. Below zero (a clock ahead) it says 0 s. */
export function ageText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 100) return `${seconds} s`;
  if (seconds < 100 * 60) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

/** Bytes with a binary prefix. */
export function bytesText(bytes: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let i = 0;
  while (value >= 1024 && i < names.length - 1) {
    value /= 1024;
    i++;
  }
  return `${i === 0 ? numberText(Math.round(value)) : value.toFixed(value < 10 ? 1 : 0)} ${names[i]}`;
}

/** The short name of a DTMI: dtmi:twin:city:Streetlight;1 is Streetlight. */
export function modelName(dtmi: string): string {
  return /([^:;]+);\d+(\.\d+)?$/.exec(dtmi)?.[1] ?? dtmi;
}

/** camelCase to words: oilTemperature is oil temperature. */
export function words(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`).replaceAll("/", " › ");
}

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}

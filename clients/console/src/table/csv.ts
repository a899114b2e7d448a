import type { Json } from "../api/types";

/** RFC 4180: comma, CRLF, fields quoted when they hold a comma, a quote or a line break. Numbers keep all their digits and a point. */
export function csvText(heads: readonly string[], rows: Iterable<readonly (Json | undefined)[]>): string {
  const lines = [heads.map(field).join(",")];
  for (const row of rows) lines.push(row.map(field).join(","));
  return lines.join("\r\n") + "\r\n";
}

/** Tabs between, for the clipboard: what a sheet takes. Tabs and breaks inside a value become spaces. */
export function tabText(heads: readonly string[], rows: Iterable<readonly (Json | undefined)[]>): string {
  const plain = (v: Json | undefined): string => (v === undefined || v === null ? "" : typeof v === "object" ? JSON.stringify(v) : String(v)).replace(/[\t\r\n]+/g, " ");
  return [heads, ...rows].map((row) => row.map(plain).join("\t")).join("\n");
}

function field(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? quoted(`'${text}`) : /[",\r\n]/.test(text) ? quoted(text) : text;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

/** Hands a text to the browser as a file. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

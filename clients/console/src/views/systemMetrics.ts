/** One line of a Prometheus page. */
export interface Sample {
  labels: Record<string, string>;
  value: number;
}

/** Samples by name, as the page has them. */
export type Metrics = ReadonlyMap<string, readonly Sample[]>;

/** Reads the Prometheus text format 0.0.4 (and OpenMetrics as far as the silo writes it); lines that are neither are passed over. */
export function parseMetrics(text: string): Metrics {
  const metrics = new Map<string, Sample[]>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const brace = line.indexOf("{");
    const close = brace < 0 ? -1 : closingBrace(line, brace);
    if (brace >= 0 && close < 0) continue;
    const name = brace >= 0 ? line.slice(0, brace) : line.slice(0, Math.max(0, line.indexOf(" ")));
    const rest = (brace >= 0 ? line.slice(close + 1) : line.slice(name.length)).trim().split(/\s+/);
    const value = numberOf(rest[0] ?? "");
    if (name === "" || value === null) continue;
    const labels = brace >= 0 ? labelsOf(line.slice(brace + 1, close)) : {};
    const list = metrics.get(name);
    if (list) list.push({ labels, value });
    else metrics.set(name, [{ labels, value }]);
  }
  return metrics;
}

/** The sum over all label sets that have these labels; null when there is none. The ending _total may be there or not. */
export function sumOf(metrics: Metrics, name: string, labels: Record<string, string> = {}): number | null {
  const samples = metrics.get(name) ?? metrics.get(`${name}_total`);
  if (!samples) return null;
  let sum: number | null = null;
  for (const s of samples) if (Object.entries(labels).every(([k, v]) => s.labels[k] === v)) sum = (sum ?? 0) + s.value;
  return sum;
}

/** Sums by the values of one label. */
export function sumsBy(metrics: Metrics, name: string, label: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const s of metrics.get(name) ?? metrics.get(`${name}_total`) ?? []) {
    const key = s.labels[label] ?? "";
    sums.set(key, (sums.get(key) ?? 0) + s.value);
  }
  return sums;
}

function closingBrace(line: string, open: number): number {
  let quoted = false;
  for (let i = open + 1; i < line.length; i++) {
    if (quoted && line[i] === "\\") i++;
    else if (line[i] === '"') quoted = !quoted;
    else if (line[i] === "}" && !quoted) return i;
  }
  return -1;
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const m of text.matchAll(/([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"/g))
    labels[m[1]!] = m[2]!.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
  return labels;
}

function numberOf(text: string): number | null {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  if (text === "" || text === "NaN") return null;
  const value = Number(text);
  return Number.isNaN(value) ? null : value;
}

import type { Alarm } from "../api/types";

export type AlarmTone = "alarm" | "warning";

export function toneOf(alarm: Alarm): AlarmTone {
  return /^(critical|alarm|error|fatal|major|high)$/i.test(alarm.severity) ? "alarm" : "warning";
}

/** Newest first; of the same moment the graver first, then by id, so that the list never jumps. */
export function sortAlarms(alarms: readonly Alarm[]): Alarm[] {
  const grave = (a: Alarm): number => (toneOf(a) === "alarm" ? 0 : 1);
  return [...alarms].sort((a, b) => (Date.parse(b.since) || 0) - (Date.parse(a.since) || 0) || grave(a) - grave(b) || a.id.localeCompare(b.id));
}

export function countByTone(alarms: readonly Alarm[]): Record<AlarmTone, number> {
  const counts = { alarm: 0, warning: 0 };
  for (const a of alarms) counts[toneOf(a)]++;
  return counts;
}

/** Which alarms were seen, in this browser only. One that rises again has another moment and counts as new. */
export class Acknowledged {
  private keys: Set<string>;

  constructor(private readonly store: Pick<Storage, "getItem" | "setItem">, private readonly name = "twin-acknowledged") {
    try {
      const kept: unknown = JSON.parse(store.getItem(name) ?? "[]");
      this.keys = new Set(Array.isArray(kept) ? kept.map(String) : []);
    } catch {
      this.keys = new Set();
    }
  }

  has(alarm: Alarm): boolean {
    return this.keys.has(keyOf(alarm));
  }

  add(alarm: Alarm): void {
    this.keys.add(keyOf(alarm));
    this.keep();
  }

  /** Forgets what is no longer in alarm, so that the list stays as small as the alarms are. */
  prune(present: readonly Alarm[]): void {
    const now = new Set(present.map(keyOf));
    const kept = [...this.keys].filter((k) => now.has(k));
    if (kept.length === this.keys.size) return;
    this.keys = new Set(kept);
    this.keep();
  }

  private keep(): void {
    this.store.setItem(this.name, JSON.stringify([...this.keys]));
  }
}

function keyOf(alarm: Alarm): string {
  return `${alarm.id}|${alarm.path}|${alarm.since}`;
}

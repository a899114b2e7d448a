import type { SystemStatus } from "../api/types";
import { numberText } from "../format";
import { sumOf, type Metrics } from "./systemMetrics";

export interface Notice {
  tone: "warning" | "alarm";
  text: string;
}

/** What the silo counts when a bound was reached, and what that means to the people behind it. */
const BOUNDS: { metric: string; one: string; tone: "warning" | "alarm" }[] = [
  { metric: "twin_admission_refusals", one: "requests were refused at the door (429 or 503): callers ask more than their share or than the silo takes", tone: "warning" },
  { metric: "twin_limit_refusals", one: "requests met a client limit", tone: "warning" },
  { metric: "twin_mqtt_limited", one: "times the broker slowed or refused a client at its limit", tone: "warning" },
  { metric: "twin_mqtt_messages_dropped", one: "messages were dropped because a subscriber's queue was full", tone: "warning" },
  { metric: "twin_mqtt_refused_messages", one: "messages to the broker were answered with a failure", tone: "warning" },
  { metric: "twin_stream_overruns", one: "times a subscriber of the feed was too slow and was told to read the state again", tone: "warning" },
  { metric: "twin_query_refused", one: "queries were refused", tone: "warning" },
  { metric: "twin_store_refusals", one: "calls to the store were refused by its guard", tone: "alarm" },
  { metric: "twin_ingest_restarts", one: "times the ingest pipeline started anew after a failure", tone: "alarm" },
  { metric: "twin_ingest_poisoned_chunks", one: "chunks of samples could not be read at all", tone: "alarm" },
  { metric: "twin_journal_failures", one: "appends to a journal failed", tone: "alarm" },
  { metric: "twin_history_faults", one: "writes to history failed", tone: "alarm" },
  { metric: "twin_inference_skipped", one: "windows were not scored by a network", tone: "warning" },
  { metric: "twin_inference_twins_refused", one: "values were passed over because a network has its most twins", tone: "warning" },
  { metric: "twin_route_dead", one: "changes on outbound routes became dead letters", tone: "warning" },
  { metric: "twin_route_dead_dropped", one: "dead letters were dropped at their bound", tone: "alarm" },
  { metric: "twin_sparkplug_problems", one: "Sparkplug messages were out of order or unreadable", tone: "warning" },
];

/** History later than this is not following any more, milliseconds. */
export const LATE_HISTORY_MS = 10_000;

/** The counters the words are made of. */
export const BOUND_METRICS: readonly string[] = BOUNDS.map((b) => b.metric);

/**
 * What is at a bound, in words. Counters count over the time watched (at most ten minutes); gauges are as they are now.
 * @param counted What each counter gained while it was watched.
 */
export function noticesOf(status: SystemStatus | null, metrics: Metrics | null, counted: (metric: string) => number): Notice[] {
  const notices: Notice[] = [];
  const waiting = metrics ? sumOf(metrics, "twin_ingest_waiting_offers") ?? 0 : 0;
  if (waiting > 0) notices.push({ tone: "warning", text: `Ingest is full: ${numberText(waiting)} senders wait until the journal has what they sent before.` });
  for (const shard of status?.shards ?? []) {
    const fault = (shard as { fault?: string | null }).fault;
    if (fault) notices.push({ tone: "alarm", text: `Shard ${shard.shard} stands still: ${fault}` });
  }
  for (const silo of status?.silos ?? []) if (silo.status !== "Active") notices.push({ tone: silo.status === "Dead" ? "alarm" : "warning", text: `Silo ${silo.name} is ${silo.status.toLowerCase()}.` });
  if (status?.history && status.history.lagMs > LATE_HISTORY_MS) notices.push({ tone: "warning", text: `History is ${numberText(Math.round(status.history.lagMs / 1000))} s behind: charts end before now.` });
  for (const bound of BOUNDS) {
    const more = counted(bound.metric);
    if (more >= 1) notices.push({ tone: bound.tone, text: `${numberText(Math.round(more))} ${bound.one}.` });
  }
  return notices;
}

/** Fates in the order one reads them; the silo writes them with a capital or without. */
export const FATES = ["applied", "duplicate", "reordered", "late", "future", "unknownTwin", "unknownProperty", "invalid", "unavailable"] as const;

export const FATE_WORDS: Record<(typeof FATES)[number], string> = {
  applied: "Applied", duplicate: "Duplicate", reordered: "Reordered", late: "Late", future: "In the future", unknownTwin: "Unknown twin", unknownProperty: "Unknown property",
  invalid: "Invalid (wrong type)", unavailable: "Not taken (shard away)",
};

export function fateCount(fates: Record<string, number>, fate: string): number | null {
  return fates[fate] ?? fates[fate[0]!.toUpperCase() + fate.slice(1)] ?? null;
}

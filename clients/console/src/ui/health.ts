import type { SystemStatus } from "../api/types";
import { ageText } from "../format";
import { noticesOf } from "../views/systemWords";

export type HealthState = "good" | "warning" | "alarm" | "unknown";

/** What /health/ready said: the silo's own word, or that it did not answer. */
export type Readiness = { kind: "ready" } | { kind: "degraded"; what: string } | { kind: "waiting"; what: string } | { kind: "away" } | { kind: "unknown" };

export interface Health {
  state: HealthState;
  word: string;
  /** Why, in words; empty when all is well. */
  reasons: string[];
}

/** Readings older than this say nothing of now, milliseconds. */
const OLD_MS = 15_000;

/**
 * One word for the silos: down when none answers, a shard stands still or a silo is dead; degraded when something works
 * less than it should; healthy otherwise. Made of what the system view shows.
 * @param unread Why the place could not be read at all; null when it was.
 */
export function healthOf(readiness: Readiness, status: SystemStatus | null, readAt: number | null, lostAt: number | null, now: number, unread: string | null = null): Health {
  const notices = noticesOf(status, null, () => 0);
  const alarms = notices.filter((n) => n.tone === "alarm").map((n) => n.text);
  const warnings = notices.filter((n) => n.tone === "warning").map((n) => n.text);
  if (readiness.kind === "away") alarms.unshift("The silo does not answer.");
  if (readiness.kind === "waiting") alarms.unshift(readiness.what ? `The silo is not ready: it waits for ${readiness.what}.` : "The silo is not ready.");
  if (readiness.kind === "degraded") warnings.unshift(readiness.what || "The silo says it is degraded.");
  if (unread !== null && readiness.kind !== "away") warnings.push(`The place could not be read: ${unread}`);
  if (lostAt !== null && readiness.kind !== "away") warnings.push(`The stream of changes was lost ${ageText(now - lostAt)} ago.`);
  if (readAt !== null && now - readAt > OLD_MS && readiness.kind !== "away") warnings.push(`The state of the silos is ${ageText(now - readAt)} old.`);
  if (alarms.length > 0) return { state: "alarm", word: "Down", reasons: [...alarms, ...warnings] };
  if (warnings.length > 0) return { state: "warning", word: "Degraded", reasons: warnings };
  return readiness.kind === "unknown" || status === null ? { state: "unknown", word: "Asking…", reasons: [] } : { state: "good", word: "Healthy", reasons: [] };
}

/** Reads the answer of /health/ready, whichever it is. */
export function readinessOf(httpStatus: number, body: unknown): Readiness {
  const said = body !== null && typeof body === "object" ? (body as Record<string, unknown>) : {};
  const text = (v: unknown): string => (typeof v === "string" ? v : Array.isArray(v) ? v.map(String).join(", ") : "");
  if (httpStatus === 0) return { kind: "away" };
  if (httpStatus === 503) return { kind: "waiting", what: text(said["waitingFor"]) };
  if (httpStatus !== 200) return { kind: "unknown" };
  return said["status"] === "degraded" ? { kind: "degraded", what: text(said["degraded"]) } : { kind: "ready" };
}

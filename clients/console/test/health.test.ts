import { describe, expect, it } from "vitest";
import type { SystemStatus } from "../src/api/types";
import { healthOf, readinessOf, type Readiness } from "../src/ui/health";

const NOW = 1_000_000;
const status = (more: Partial<SystemStatus> = {}): SystemStatus => ({
  version: "1", cluster: "c", silos: [{ name: "a", status: "Active" }], shards: [], twins: 0, relationships: 0, twinsByModel: {}, ingest: { messagesPerS: 0, valuesPerS: 0, fates: {} },
  feed: { subscribers: 0, changesPerS: 0 }, history: { points: 0, lagMs: 0 }, memoryBytes: 0, startedAt: "2026-01-01T00:00:00Z", ...more,
});
const ready: Readiness = { kind: "ready" };
const of = (r: Readiness, s: SystemStatus | null = status(), lostAt: number | null = null, readAt = NOW): [string, number] => {
  const health = healthOf(r, s, s && readAt, lostAt, NOW);
  return [health.word, health.reasons.length];
};

describe("the health of the silos in one word", () => {
  it("is healthy when all answer, and says nothing before it knows", () => {
    expect(of(ready)).toEqual(["Healthy", 0]);
    expect(of({ kind: "unknown" })).toEqual(["Asking…", 0]);
    expect(of(ready, null)).toEqual(["Asking…", 0]);
  });
  it("is degraded while something works less than it should, each with its reason", () => {
    expect(of({ kind: "degraded", what: "history does not answer" })).toEqual(["Degraded", 1]);
    expect(of(ready, status({ history: { points: 0, lagMs: 60_000 } }))).toEqual(["Degraded", 1]);
    expect(of(ready, status({ silos: [{ name: "a", status: "Active" }, { name: "b", status: "Joining" }] }))).toEqual(["Degraded", 1]);
    expect(of(ready, status(), NOW - 5000)).toEqual(["Degraded", 1]);
    expect(of(ready, status(), null, NOW - 60_000)).toEqual(["Degraded", 1]);
    expect(healthOf(ready, null, null, null, NOW, "The shard is away.").reasons).toEqual(["The place could not be read: The shard is away."]);
  });
  it("is down when the silo is away or not ready, a silo is dead or a shard stands still", () => {
    expect(of({ kind: "away" }, status(), NOW - 5000, NOW - 60_000)).toEqual(["Down", 1]);
    expect(of({ kind: "waiting", what: "the shards to recover" }, null)).toEqual(["Down", 1]);
    expect(of(ready, status({ silos: [{ name: "b", status: "Dead" }] }))[0]).toBe("Down");
    const shard = { shard: 3, twins: 0, relationships: 0, sequence: 0, journalBytes: 0, silo: "a", fault: "disk full" };
    expect(healthOf(ready, status({ shards: [shard] }), NOW, null, NOW).reasons[0]).toContain("disk full");
  });
  it("reads every answer of the readiness door", () => {
    expect(readinessOf(200, { status: "ready" })).toEqual(ready);
    expect(readinessOf(200, { status: "degraded", degraded: "history" })).toEqual({ kind: "degraded", what: "history" });
    expect(readinessOf(503, { status: "waiting", waitingFor: ["a", "b"] })).toEqual({ kind: "waiting", what: "a, b" });
    expect(readinessOf(503, null)).toEqual({ kind: "waiting", what: "" });
    expect(readinessOf(0, null)).toEqual({ kind: "away" });
    expect(readinessOf(401, {})).toEqual({ kind: "unknown" });
  });
});

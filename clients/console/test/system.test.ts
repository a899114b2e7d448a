import { describe, expect, it } from "vitest";
import type { SystemStatus } from "../src/api/types";
import { linePath } from "../src/chart/timeLine";
import { SystemLog } from "../src/views/systemLog";
import { parseMetrics, sumOf, sumsBy } from "../src/views/systemMetrics";
import { MeanOf, Rate, Series, SPAN_MS } from "../src/views/systemSeries";
import { noticesOf } from "../src/views/systemWords";

const PAGE = `# TYPE twin_ingest_samples_total counter
# HELP twin_ingest_samples_total Samples by fate.
twin_ingest_samples_total{otel_scope_name="Twin",fate="Applied"} 104088 1700000000000
twin_ingest_samples_total{otel_scope_name="Twin",fate="Late"} 3
twin_mqtt_connections 174
twin_journal_fsync_seconds_bucket{le="+Inf"} 1502
odd{text="a \\"quoted\\" } brace, and \\\\ more",other="x"} 2.5e-3
broken{a="b" 12
nothing_here
twin_nan NaN
`;

const status = (more: Partial<SystemStatus> = {}): SystemStatus => ({
  version: "1", cluster: "c", silos: [{ name: "a", status: "Active" }], shards: [], twins: 0, relationships: 0, twinsByModel: {}, ingest: { messagesPerS: 1, valuesPerS: 2, fates: { Applied: 10, Late: 0 } },
  feed: { subscribers: 1, changesPerS: 0 }, history: { points: 0, lagMs: 5 }, memoryBytes: 1, startedAt: "2026-01-01T00:00:00Z", ...more,
});

describe("a Prometheus page", () => {
  const metrics = parseMetrics(PAGE);
  it("is read with labels, timestamps, exponents and quoted text; lines that are not samples are passed over", () => {
    expect(sumOf(metrics, "twin_ingest_samples")).toBe(104091);
    expect(sumOf(metrics, "twin_ingest_samples_total", { fate: "Late" })).toBe(3);
    expect(metrics.get("odd")).toEqual([{ labels: { text: 'a "quoted" } brace, and \\ more', other: "x" }, value: 0.0025 }]);
    expect(metrics.has("broken")).toBe(false);
    expect(sumOf(metrics, "twin_nan")).toBeNull();
    expect(sumOf(metrics, "absent")).toBeNull();
    expect(Object.fromEntries(sumsBy(metrics, "twin_ingest_samples", "fate"))).toEqual({ Applied: 104088, Late: 3 });
  });
});

describe("rates", () => {
  it("are differences over time; a silo that began anew makes no negative rate", () => {
    const rate = new Rate();
    for (const [at, total] of [[0, 100], [2000, 110], [4000, 130], [6000, 5]] as const) rate.add(at, total);
    expect(rate.series.points.map((p) => p.value)).toEqual([5, 10, 2.5]);
    expect(rate.inSpan).toBe(35);
  });
  it("forget what is older than ten minutes", () => {
    const rate = new Rate();
    for (let i = 0; i <= 1000; i++) rate.add(i * 1000, i * 3);
    expect(rate.inSpan).toBe(601 * 3);
    const series = new Series();
    for (let i = 0; i <= 1000; i++) series.add(i * 1000, i);
    expect(series.points[0]!.at).toBe(1_000_000 - SPAN_MS);
  });
  it("of a histogram's mean leave out intervals without a value", () => {
    const mean = new MeanOf();
    mean.add(0, 1, 100);
    mean.add(5, 1.5, 110);
    mean.add(10, 1.5, 110);
    mean.add(15, 1.7, 111);
    expect(mean.series.points.map((p) => [p.at, Number(p.value.toFixed(6))])).toEqual([[5, 0.05], [15, 0.2]]);
  });
});

describe("what is at a bound", () => {
  it("is nothing on a quiet silo", () => {
    expect(noticesOf(status(), parseMetrics("twin_ingest_waiting_offers 0\n"), () => 0)).toEqual([]);
  });
  it("is said in words: waiting senders, late history, a dead silo, refusals", () => {
    const log = new SystemLog();
    log.takeMetrics(0, "twin_mqtt_connections 3\n");
    log.takeMetrics(5000, "twin_mqtt_connections 3\ntwin_mqtt_messages_dropped_total{reason=\"full\"} 7\ntwin_ingest_waiting_offers 2\n");
    const words = noticesOf(status({ silos: [{ name: "b", status: "Dead" }], history: { points: 0, lagMs: 42_000 } }), log.metrics, (m) => log.bounds.get(m)?.inSpan ?? 0);
    expect(words.map((w) => w.text)).toEqual([
      "Ingest is full: 2 senders wait until the journal has what they sent before.", "Silo b is dead.", "History is 42 s behind: charts end before now.",
      "7 messages were dropped because a subscriber's queue was full.",
    ]);
    expect(words[1]!.tone).toBe("alarm");
  });
  it("does not count what happened before anybody watched", () => {
    const log = new SystemLog();
    log.takeMetrics(0, "twin_mqtt_messages_dropped_total 900\n");
    log.takeMetrics(5000, "twin_mqtt_messages_dropped_total 900\n");
    expect(noticesOf(status(), log.metrics, (m) => log.bounds.get(m)?.inSpan ?? 0)).toEqual([]);
  });
});

describe("a line over time", () => {
  it("ends at the right edge now, and breaks where nobody looked", () => {
    const path = linePath([{ at: 0, value: 1 }, { at: 5000, value: 2 }, { at: 60_000, value: 0 }], 60_000, 60_000, 2, 120, 20);
    expect(path).toBe("M0.0 10.0L10.0 1.5M120.0 18.5");
  });
});

import type { SystemReading } from "../live/world";
import { MeanOf, Rate, Series } from "./systemSeries";
import { parseMetrics, sumOf, type Metrics } from "./systemMetrics";
import { BOUND_METRICS, FATES, fateCount } from "./systemWords";

/** What was read of the silo in the last ten minutes, ready to be drawn. Times are the browser's, milliseconds since 1970. */
export class SystemLog {
  readonly messages = new Series();
  readonly values = new Series();
  readonly fates = new Map(FATES.map((f) => [f, new Rate()]));
  readonly historyLag = new Series();
  readonly historyValues = new Rate();
  readonly subscribers = new Series();
  readonly changes = new Rate();
  readonly commit = new MeanOf();
  readonly latency = new MeanOf();
  readonly frames = new Rate();
  readonly journalBytes = new Rate();
  readonly inFlight = new Series();
  readonly waiting = new Series();
  readonly connections = new Series();
  readonly brokerIn = new Rate();
  readonly brokerOut = new Rate();
  readonly bounds = new Map(BOUND_METRICS.map((m) => [m, new Rate()]));
  metrics: Metrics | null = null;
  private lastReading = 0;

  takeReading(reading: SystemReading): void {
    if (reading.at <= this.lastReading) return;
    this.lastReading = reading.at;
    const { at, status } = reading;
    this.messages.add(at, status.ingest.messagesPerS);
    this.values.add(at, status.ingest.valuesPerS);
    for (const [fate, rate] of this.fates) rate.add(at, fateCount(status.ingest.fates, fate));
    if (status.history) this.historyLag.add(at, status.history.lagMs);
    this.subscribers.add(at, status.feed.subscribers);
    const changes = (status.feed as { changes?: number }).changes;
    if (changes !== undefined) this.changes.add(at, changes);
    else this.changes.series.add(at, status.feed.changesPerS);
  }

  takeMetrics(at: number, text: string): void {
    const m = (this.metrics = parseMetrics(text));
    this.commit.add(at, sumOf(m, "twin_journal_fsync_seconds_sum"), sumOf(m, "twin_journal_fsync_seconds_count"));
    this.latency.add(at, sumOf(m, "twin_ingest_latency_seconds_sum"), sumOf(m, "twin_ingest_latency_seconds_count"));
    this.frames.add(at, sumOf(m, "twin_journal_frames"));
    this.journalBytes.add(at, sumOf(m, "twin_journal_bytes"));
    this.historyValues.add(at, sumOf(m, "twin_history_values"));
    this.inFlight.add(at, sumOf(m, "twin_ingest_in_flight_samples"));
    this.waiting.add(at, sumOf(m, "twin_ingest_waiting_offers"));
    this.connections.add(at, sumOf(m, "twin_mqtt_connections"));
    this.brokerIn.add(at, sumOf(m, "twin_mqtt_messages_received"));
    this.brokerOut.add(at, sumOf(m, "twin_mqtt_messages_sent") ?? 0);
    // A counter appears on the page with its first count: until then it is zero.
    for (const [name, rate] of this.bounds) rate.add(at, sumOf(m, name) ?? 0);
  }
}

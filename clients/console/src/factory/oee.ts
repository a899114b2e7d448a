import { numberOf, type Machine } from "./plant";

/** Overall equipment effectiveness in percent, and where it comes from. */
export interface Effectiveness {
  percent: number;
  /** The three factors in percent, when the twin holds them. */
  factors: { availability: number; performance: number; quality: number } | null;
  /** Computed here from the three factors, or told by the twin as a whole. */
  isComputed: boolean;
}

/**
 * OEE = availability x performance x quality (ISO 22400-2). Computed from the three factors when the twin holds all three,
 * else the twin's own figure, else null: nothing is made up.
 */
export function oeeOf(machine: Machine): Effectiveness | null {
  const availability = numberOf(machine, "availability");
  const performance = numberOf(machine, "performance");
  const quality = numberOf(machine, "quality");
  if (availability !== null && performance !== null && quality !== null)
    return { percent: (availability * performance * quality) / 10_000, factors: { availability, performance, quality }, isComputed: true };
  const told = numberOf(machine, "oee");
  return told === null ? null : { percent: told, factors: null, isComputed: false };
}

/** What a state of a station is called here, whatever its model calls it. */
export type StationState = "running" | "starved" | "blocked" | "failed" | "set-up" | "unknown";

const STATES: Record<string, StationState> = {
  running: "running", working: "running", busy: "running", starved: "starved", idle: "starved", waiting: "starved", blocked: "blocked",
  down: "failed", failed: "failed", faulted: "failed", stopped: "failed", setup: "set-up", "set-up": "set-up", setUp: "set-up", changeover: "set-up",
};

export function stationState(told: string | null): StationState {
  return told === null ? "unknown" : STATES[told] ?? "unknown";
}

export const STATION_STATES: readonly StationState[] = ["running", "starved", "blocked", "failed", "set-up", "unknown"];

interface Window {
  /** Frame times for tests and for ?perf=1. */
  __twinPerf?: { frames: number; medianMs: number; p95Ms: number; workMedianMs: number; workP95Ms: number; quality: number; twins: number };
}

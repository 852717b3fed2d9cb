/**
 * Loaded into a server before its own script (`node --import`): watches it from inside, when asked (conversation.ts).
 *
 * Watching has a beginning and an end, two questions; what the server does in between is the caller's to say.
 */
import { Session } from "node:inspector/promises";
import { type EventLoopUtilization, performance } from "node:perf_hooks";
import { GCProfiler } from "node:v8";
import { gc } from "../contenders/collect.ts";
import { answer } from "../conversation.ts";

/** What was allocated between two questions, exact as long as `collections` is 0. */
export type Grown = {
  /** In V8's heap. */
  readonly heapBytes: number;
  /** Memory of ArrayBuffers, which is outside of it. Lent memory counts like any other. */
  readonly bufferBytes: number;
  readonly collections: number;
};

const session = new Session();
session.connect();
const collections = new GCProfiler();
let before: NodeJS.MemoryUsage;
let loop: EventLoopUtilization;

answer({
  /** Collects the young generation. */
  collect: () => {
    gc({ type: "minor" });
    return null;
  },

  grow: () => {
    collections.start();
    before = process.memoryUsage();
    return null;
  },
  grown: (): Grown => {
    const after = process.memoryUsage();
    return {
      heapBytes: after.heapUsed - before.heapUsed,
      bufferBytes: after.arrayBuffers - before.arrayBuffers,
      collections: collections.stop().statistics.length,
    };
  },

  /** Samples the stack each so many microseconds. */
  profile: async (interval) => {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval });
    await session.post("Profiler.start");
    loop = performance.eventLoopUtilization();
    return null;
  },
  /** `waiting`: the share of that time in which the event loop was asleep, 0 to 1. */
  profiled: async () => {
    const waiting = 1 - performance.eventLoopUtilization(loop).utilization;
    return { ...(await session.post("Profiler.stop")), waiting };
  },

  /** Takes every object, and its stack: at one byte between samples none is left out. */
  sample: async () => {
    await session.post("HeapProfiler.startSampling", {
      samplingInterval: 1,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    return null;
  },
  sampled: async () => (await session.post("HeapProfiler.stopSampling")).profile,
});

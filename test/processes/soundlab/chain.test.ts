/** The whole chain by a scripted clock: rates, what a frame holds, and how it reacts to what is set. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  FRAME_STATES,
  INPUT_RANGES,
  type InputChange,
  type MetricsFrame,
} from "../../../processes/soundlab/chain/index.ts";
import { Scripted, UNIX } from "./signals.ts";

const ALL = [0, 1, 2, 3, 4, 5, 6, 7];
const all = (input: Partial<{ frequency: number; amplitude: number; phase: number }>): InputChange => ({
  channels: ALL.map((channel) => ({ channel, ...input })),
});

/** Mean of a field over the frames of `ms`, after `settle` ms. */
function mean(
  script: Scripted,
  field: "ici" | "phase_coherence" | "spectral_centroid" | "consciousness_level" | "criticality",
  ms: number,
): number {
  const from = script.frames.length;
  script.run(ms);
  const values = script.frames.slice(from).map((frame) => frame[field]);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe("rates", () => {
  test("30 frames and 10 of latency a second, by an exact clock", () => {
    const script = new Scripted();
    script.run(20_000);
    expect([script.frames.length, script.latency.length]).toEqual([600, 200]);
    expect(script.chain.counts).toEqual({
      blocks: 1875,
      frames: 600,
      skippedBlocks: 0,
      skippedFrames: 0,
      lostEvents: 0,
    });
  });

  test("the same by a timer of whole milliseconds that is up to 4 ms late", () => {
    const script = new Scripted();
    let x = 1;
    while (script.now < 20_000) {
      x = (x * 48271) % 2147483647;
      script.step(Math.ceil(Math.max(script.chain.nextDueMs, script.now)) + (x % 5));
    }
    expect(Math.abs(script.frames.length - 600)).toBeLessThanOrEqual(1);
    expect(Math.abs(script.latency.length - 200)).toBeLessThanOrEqual(1);
    const gaps = script.framesAt.map((at, n) => at - (script.framesAt[n - 1] ?? 0)).sort((a, b) => a - b);
    expect(gaps[Math.floor(0.95 * gaps.length)]).toBeLessThanOrEqual(45);
  });

  test("the first frame is due after 33 ms; before there is none, and latency is there at once", () => {
    const script = new Scripted();
    script.run(33);
    expect(script.chain.metricsFrame()).toBeUndefined();
    expect(script.chain.latencyFrame().timestamp).toBeCloseTo(UNIX / 1000, 1);
    script.run(1);
    expect(script.chain.metricsFrame()).toMatchObject({ frame: 0, timestamp: UNIX / 1000 + 0.033 });
  });

  test("its time begins when it is first advanced: nothing was late before", () => {
    const script = new Scripted();
    expect(script.chain.nextDueMs).toBe(0);
    script.step(5000);
    expect([script.frames.length, script.chain.nextDueMs]).toEqual([0, 5000 + 512 / 48]);
    script.run(1001);
    expect(script.chain.counts).toMatchObject({ blocks: 93, frames: 30, skippedBlocks: 0, skippedFrames: 0 });
  });

  test("what it makes does not depend on when it is called", () => {
    const exact = new Scripted();
    exact.run(3000);
    const events = exact.chain.events();
    fc.assert(
      fc.property(fc.infiniteStream(fc.double({ min: 0, max: 70, noNaN: true })), (waits) => {
        const script = new Scripted();
        script.step(0);
        for (const wait of waits) {
          if (script.now + wait > 3000) break;
          script.step(script.now + wait);
        }
        script.step(3000);
        expect(script.frames).toEqual(exact.frames);
        expect(script.chain.events()).toEqual(events);
        expect(script.chain.counts).toEqual(exact.chain.counts);
      }),
      { numRuns: 6 },
    );
  });

  test("by any clock: every frame is newer, none is more than 80 ms old, and all are counted", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1500, noNaN: true }), { maxLength: 30 }), (waits) => {
        const script = new Scripted();
        script.step(0);
        for (const wait of waits) {
          const before = script.latency.length;
          script.step(script.now + wait);
          expect(script.latency.length - before).toBeLessThanOrEqual(1);
        }
        for (const [n, frame] of script.frames.entries()) {
          expect(frame.frame).toBe(n);
          expect(frame.timestamp).toBeGreaterThan(script.frames[n - 1]?.timestamp ?? 0);
          expect((script.framesAt[n] ?? 0) - (1000 * frame.timestamp - UNIX)).toBeLessThanOrEqual(80.5);
        }
        const { blocks, frames, skippedBlocks, skippedFrames } = script.chain.counts;
        const over = (deadlines: number, perSecond: number): void => {
          const exact = (script.now * perSecond) / 1000;
          expect([Math.floor(exact - 1e-6), Math.floor(exact + 1e-6)]).toContain(deadlines);
        };
        over(frames + skippedFrames, 30);
        over(blocks + skippedBlocks, 93.75);
        expect(script.chain.nextDueMs).toBeGreaterThan(script.now);
      }),
      { numRuns: 25 },
    );
  });

  test("a clock on the wall that is set back moves timestamps and nothing else", () => {
    const [script, moved] = [new Scripted(), new Scripted()];
    for (let now = 0; now <= 2000; now += 5) {
      script.step(now);
      while (moved.chain.advance(now, UNIX + now - (now > 1000 ? 3_600_000 : 0)) !== undefined) {
        const frame = moved.chain.metricsFrame();
        if (frame !== undefined) moved.frames[frame.frame] = frame;
      }
    }
    expect(moved.frames.map(({ timestamp, ...rest }) => rest)).toEqual(
      script.frames.map(({ timestamp, ...rest }) => rest),
    );
    expect(script.last.timestamp - moved.last.timestamp).toBeCloseTo(3600, 6);
  });
});

describe("a frame", () => {
  /** Any change that is allowed. */
  const range = (name: keyof typeof INPUT_RANGES): fc.Arbitrary<number> =>
    fc.oneof(
      fc.constantFrom<number>(INPUT_RANGES[name].min, INPUT_RANGES[name].max),
      fc.double({ min: INPUT_RANGES[name].min, max: INPUT_RANGES[name].max, noNaN: true }),
    );
  const change: fc.Arbitrary<InputChange> = fc.record(
    {
      channels: fc.uniqueArray(
        fc.record(
          {
            channel: fc.integer({ min: 0, max: 7 }),
            frequency: range("frequency"),
            amplitude: range("amplitude"),
            phase: range("phase"),
          },
          { requiredKeys: ["channel"] },
        ),
        { selector: ({ channel }) => channel, maxLength: 8 },
      ),
      noise: fc.record({ amount: range("noise.amount"), cutoff: range("noise.cutoff") }, { requiredKeys: [] }),
      phi: fc.record(
        {
          source: fc.constantFrom("internal" as const, "audio" as const, "manual" as const),
          rate: range("phi.rate"),
          depth: range("phi.depth"),
          phase: range("phi.phase"),
        },
        { requiredKeys: [] },
      ),
      auto_phi: fc.boolean(),
      manual_offset_ms: range("manual_offset_ms"),
    },
    { requiredKeys: [] },
  );
  const within = (value: unknown, min: number, max: number): boolean =>
    typeof value === "number" && value >= min && value <= max;

  function check(frame: MetricsFrame): void {
    const text = JSON.stringify(frame);
    expect(text).not.toContain("null");
    expect(JSON.parse(text)).toEqual(frame);
    const unit = [
      frame.ici,
      frame.phase_coherence,
      frame.coherence,
      frame.consciousness_level,
      frame.criticality_index,
    ];
    expect(unit.filter((value) => !within(value, 0, 1))).toEqual([]);
    expect(within(frame.criticality, 0, 52.2)).toBe(true);
    expect(within(frame.spectral_centroid, 0, 24_000)).toBe(true);
    expect(within(frame.phi_depth, 0, 1.618)).toBe(true);
    expect(within(frame.phi_phase, 0, 2 * Math.PI)).toBe(true);
    expect(FRAME_STATES).toContain(frame.state);
    expect(frame.state !== "CRITICAL" || frame.consciousness_level >= 0.8).toBe(true);
    expect(["internal", "audio", "manual"]).toContain(frame.phi_mode);
    expect(frame.valid).toBe(true);
    expect(frame.channel_metrics.map(({ channel }) => channel)).toEqual(ALL);
    expect(frame.active_channels).toBe(frame.channel_metrics.filter(({ active }) => active).length);
    for (const { frequency, amplitude, phase } of frame.channel_metrics) {
      expect(within(frequency, 0, 20_000) && within(amplitude, 0, 1) && within(phase, 0, 2 * Math.PI)).toBe(true);
    }
    const { channel_centroids = [], channel_rms = [] } = frame.spectral_analysis ?? {};
    expect([channel_centroids.length, channel_rms.length]).toEqual([8, 8]);
    expect(channel_centroids.filter((value) => !within(value, 0, 24_000))).toEqual([]);
    expect(channel_rms.filter((value) => !within(value, 0, 1))).toEqual([]);
  }

  test("is within its ranges for whatever may be set", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(change, fc.integer({ min: 0, max: 300 })), { maxLength: 6 }), (changes) => {
        const script = new Scripted({ spectralAnalysis: true });
        for (const [inputs, ms] of changes) {
          script.chain.set(inputs);
          script.run(ms);
          for (const frame of script.frames.splice(0)) check(frame);
        }
        for (const event of script.chain.events()) expect(JSON.stringify(event)).not.toContain("null");
        expect(JSON.stringify([script.chain.latencyFrame(), script.chain.latencyStats()])).not.toContain("null");
      }),
      { numRuns: 40 },
    );
  });

  test("keeps a stream of defaults within 30 kB a second", () => {
    const script = new Scripted();
    script.run(10_000);
    const bytes = script.frames.reduce((sum, frame) => sum + JSON.stringify(frame).length, 0);
    expect(bytes / 10).toBeLessThan(30_000);
    expect(script.last.spectral_analysis).toBeUndefined();
    const latency = script.latency.reduce((sum, frame) => sum + JSON.stringify(frame).length, 0);
    expect(latency / 10).toBeLessThan(5_000);
  });

  test("has state_change where, and only where, a state_change event is told", () => {
    const script = new Scripted();
    script.run(30_000);
    const told = script.chain.events().flatMap((event) => (event.type === "state_change" ? [event] : []));
    expect(told.length).toBeGreaterThan(2);
    expect(
      script.frames.flatMap(({ timestamp, state_change }) =>
        state_change === undefined ? [] : [{ timestamp, ...state_change }],
      ),
    ).toEqual(told.map(({ timestamp, from_state, to_state }) => ({ timestamp, from_state, to_state })));
  });
});

describe("what is set", () => {
  const settled = (...changes: InputChange[]): Scripted => {
    const script = new Scripted();
    for (const change of changes) script.chain.set(change);
    script.run(1000); // four times what ici needs
    return script;
  };

  test("equal tones in phase and no noise: coherence and ici are 1", () => {
    const { last } = settled(all({ frequency: 440 }), { noise: { amount: 0 } });
    expect([last.phase_coherence, last.ici]).toEqual([1, 1]);
  });

  test("moving phases apart takes coherence down, step by step", () => {
    const script = settled(all({ frequency: 937.5 }), { noise: { amount: 0 } });
    let before = 2;
    for (const apart of [0, 0.2, 0.4, 0.6, Math.PI / 4]) {
      script.chain.set({ channels: ALL.map((channel) => ({ channel, phase: channel * apart })) });
      script.run(500);
      expect(script.last.phase_coherence).toBeLessThan(before);
      before = script.last.phase_coherence;
    }
    expect(before).toBeLessThan(0.001); // eight phases all round the circle
  });

  test("more noise in common: more coherence and ici", () => {
    const at = (depth: number): Scripted => settled(all({ amplitude: 0 }), { phi: { source: "manual", depth } });
    const [own, half, shared] = [at(0.3), at(0.6), at(0.9)];
    expect(mean(own, "phase_coherence", 1000)).toBeCloseTo(0.3, 1);
    expect(mean(half, "phase_coherence", 1000)).toBeGreaterThan(0.4);
    expect(mean(shared, "phase_coherence", 1000)).toBe(1);
    expect(mean(own, "ici", 1000)).toBeLessThan(0.55);
    expect(mean(shared, "ici", 1000)).toBeGreaterThan(0.99);
  });

  test("a lower low-pass, or none of the noise: a lower centroid and consciousness level", () => {
    const script = settled();
    const open = {
      centroid: mean(script, "spectral_centroid", 2000),
      level: mean(script, "consciousness_level", 2000),
    };
    script.chain.set({ noise: { cutoff: 500 } });
    script.run(500);
    const low = { centroid: mean(script, "spectral_centroid", 2000), level: mean(script, "consciousness_level", 2000) };
    expect(low.centroid).toBeLessThan(0.6 * open.centroid);
    expect(low.level).toBeLessThan(open.level);
    script.chain.set({ noise: { amount: 0 } });
    script.run(500);
    expect(mean(script, "spectral_centroid", 500)).toBeLessThan(low.centroid / 2);
  });

  test("silence: nothing active, no coherence, balance", () => {
    const { last } = settled(all({ amplitude: 0 }), { noise: { amount: 0 } });
    expect(last).toMatchObject({
      active_channels: 0,
      phase_coherence: 0,
      spectral_centroid: 0,
      criticality: 1,
      ici: 0.5,
    });
  });

  test.each([
    [0.001, 7],
    [0.0011, 8],
  ])("a channel of amplitude %d: %d are active", (amplitude, active) => {
    expect(settled({ channels: [{ channel: 5, amplitude }] }).last.active_channels).toBe(active);
  });

  test("a burst: criticality passes 2, and one critical_event tells its peak and how long", () => {
    const script = settled(all({ amplitude: 0.1 }), { noise: { amount: 0 } });
    script.run(5000); // the long window
    expect(script.last.criticality).toBeCloseTo(1, 2);
    script.chain.events();
    script.chain.set(all({ amplitude: 1 }));
    script.run(300);
    expect(script.last.criticality).toBeGreaterThan(2);
    script.chain.set(all({ amplitude: 0.1 }));
    script.run(2000);
    const peak = Math.max(...script.frames.map(({ criticality }) => criticality));
    const told = script.chain.events().filter(({ type }) => type === "critical_event");
    expect(told).toEqual([expect.objectContaining({ criticality: peak, peak_ici: expect.any(Number) })]);
    const [event] = told;
    expect(event?.type === "critical_event" && within(event.duration_ms, 250, 450)).toBe(true);
  });

  test("Φ by hand: at once after the fade, as it was set", () => {
    const { last } = settled({ phi: { source: "manual", depth: 1.2345, phase: 2.5 } });
    expect(last).toMatchObject({ phi_depth: 1.2345, phi_phase: 2.5, phi_mode: "manual", phi_breathing_active: false });
    expect(settled().last).toMatchObject({ phi_mode: "internal", phi_breathing_active: true });
  });

  test("Auto-Φ: a quieter signal makes Φ deeper, in at most two messages a second", () => {
    const script = settled({ phi: { source: "manual", depth: 0.3 } });
    script.chain.events();
    script.chain.set({ auto_phi: true });
    script.chain.set(all({ amplitude: 0.01 }));
    script.chain.set({ noise: { amount: 0.05 } });
    script.run(3000);
    expect(script.last.phi_depth).toBeGreaterThan(0.5);
    const told = script.chain.events().flatMap((event) => (event.type === "phi_adaptation" ? [event] : []));
    expect(told.length).toBeGreaterThanOrEqual(4);
    expect(told.length).toBeLessThanOrEqual(6);
    expect(told.map(({ reason }) => reason)).toContain("criticality_optimization");
    for (const [n, { old_depth, timestamp }] of told.entries()) {
      const before = told[n - 1];
      if (before === undefined) continue;
      expect(old_depth).toBe(before.new_depth);
      expect(timestamp - before.timestamp).toBeGreaterThan(0.499);
    }
  });

  test("what is refused changes nothing", () => {
    const script = settled();
    const before = script.chain.inputs;
    expect(() => script.chain.set({ noise: { amount: 0 }, auto_phi: 1 })).toThrow('Cannot set "auto_phi"');
    expect(script.chain.inputs).toBe(before);
  });
});

describe("stop", () => {
  test("an idle frame a second, and latency goes on; start goes on at 30 Hz", () => {
    const script = new Scripted();
    script.run(1001);
    script.chain.stop();
    script.chain.stop();
    script.run(5001);
    const idle = script.frames.slice(30);
    expect(idle.length).toBe(5);
    expect(idle.map(({ frame }) => frame)).toEqual([30, 31, 32, 33, 34]);
    expect(idle[0]).toMatchObject({
      state: "IDLE",
      ici: 0,
      criticality: 1,
      phi_depth: 0.618,
      active_channels: 0,
      valid: true,
    });
    expect([script.latency.length, script.chain.counts.blocks, script.chain.isRunning]).toEqual([60, 93, false]);
    script.now += 95; // somebody starts it between two words about latency
    script.chain.start();
    script.chain.start();
    script.run(1001);
    expect([script.frames.length, script.chain.isRunning]).toEqual([65, true]);
    expect(script.last.active_channels).toBe(8);
    expect(script.chain.latencyFrame().drift_ms).toBeCloseTo(0, 6); // the pause is no drift
    expect(script.chain.counts).toMatchObject({ skippedBlocks: 0, skippedFrames: 0 });
  });

  test("the pause is no part of an excursion, and no step of Auto-Φ", () => {
    const script = new Scripted();
    script.chain.set({
      ...all({ amplitude: 0.1 }),
      noise: { amount: 0 },
      phi: { source: "manual", depth: 0.6 },
      auto_phi: true,
    });
    script.run(5000);
    script.chain.events();
    script.chain.set(all({ amplitude: 1 }));
    script.run(300);
    expect(script.last.criticality).toBeGreaterThan(2);
    const { phi_depth: before } = script.last;
    script.chain.stop();
    script.run(3_600_000);
    script.chain.start();
    script.run(100);
    expect(script.last.phi_depth).toBeGreaterThan(before - 0.2);
    script.chain.set(all({ amplitude: 0.1 }));
    script.run(2000);
    const told = script.chain.events().flatMap((event) => (event.type === "critical_event" ? [event.duration_ms] : []));
    expect(told.length).toBe(1); // of what came after the pause
    expect(told.every((ms) => within(ms, 100, 1000))).toBe(true);
  });
});

const within = (value: number, min: number, max: number): boolean => value >= min && value <= max;

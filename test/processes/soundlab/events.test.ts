/** When events come, by frames and a clock that the test writes (contract soundlab §6). */
import { describe, expect, test } from "@jest/globals";
import { EVENT_RULES, Events } from "../../../processes/soundlab/chain/events.ts";
import type { FrameState, MetricsFrame, SoundlabEvent } from "../../../processes/soundlab/chain/frames.ts";
import { idleFrame } from "../../../processes/soundlab/chain/idle-frame.ts";
import { DEFAULT_INPUTS } from "../../../processes/soundlab/chain/inputs.ts";

const FRAME_MS = 1000 / 30;
const SECONDS = 1_800_000_000;

/** Frames at 30 Hz, and the events that each brought. */
class Script {
  readonly events = new Events();
  readonly told: (readonly [frame: number, event: SoundlabEvent])[] = [];
  #frame = 0;

  /** `count` frames with these values. */
  frames(count: number, values: Partial<MetricsFrame>, isAuto = false): this {
    for (let n = 0; n < count; n++) {
      const nowMs = this.#frame * FRAME_MS;
      const frame = idleFrame(this.#frame, Math.round(SECONDS * 1000 + nowMs) / 1000, DEFAULT_INPUTS);
      this.events.frame({ ...frame, ...values }, nowMs, isAuto);
      for (const event of this.events.drain()) this.told.push([this.#frame, event]);
      this.#frame++;
    }
    return this;
  }

  states(count: number, state: FrameState): this {
    return this.frames(count, { state });
  }

  get kinds(): readonly string[] {
    return this.told.map(([frame, event]) =>
      event.type === "state_change" ? `${frame} ${event.from_state} ${event.to_state}` : `${frame} ${event.type}`,
    );
  }
}

const at = (frame: number): number => Math.round(SECONDS * 1000 + frame * FRAME_MS) / 1000;

describe("state_change", () => {
  test("comes with the tenth frame in a row", () => {
    expect(new Script().states(5, "REM").states(9, "AWAKE").states(9, "REM").kinds).toEqual([]);
    const script = new Script().states(5, "REM").states(20, "AWAKE");
    expect(script.told).toEqual([
      [
        14,
        {
          type: "state_change",
          timestamp: at(14),
          from_state: "REM",
          to_state: "AWAKE",
          trigger: "consciousness_threshold",
          confidence: 1,
        },
      ],
    ]);
  });

  test("not for a state that flickers", () => {
    const script = new Script().states(20, "REM");
    for (let n = 0; n < 50; n++) script.states(9, "AWAKE").states(1, n % 2 === 0 ? "REM" : "DREAMING");
    expect(script.kinds).toEqual([]);
  });

  test("not within half a second of the last one", () => {
    const script = new Script().states(1, "REM");
    for (let n = 0; n < 9; n++) script.states(10, n % 2 === 0 ? "AWAKE" : "REM");
    // Frame 20 is the tenth of REM, but 0.333 s after the change; by frame 25 it is AWAKE again. So is 60.
    expect(script.kinds).toEqual(["10 REM AWAKE", "40 AWAKE REM", "70 REM AWAKE"]);
    expect(new Script().states(1, "REM").states(10, "AWAKE").states(30, "REM").kinds).toEqual([
      "10 REM AWAKE",
      "25 AWAKE REM",
    ]);
  });

  test("says from which state it stayed in, whatever came between", () => {
    expect(new Script().states(1, "REM").states(5, "AWAKE").states(10, "IDLE").kinds).toEqual(["15 REM IDLE"]);
  });

  test("names the quantity that did it", () => {
    const before = { ici: 0.5, phase_coherence: 0.55, spectral_centroid: 10_000 };
    const script = new Script()
      .frames(3, { state: "REM", ...before })
      .frames(10, { state: "DREAMING", ...before, phase_coherence: 0.45 });
    expect(script.told[0]?.[1]).toMatchObject({ trigger: "coherence_threshold" });
  });
});

describe("critical_event", () => {
  const { criticalOn, criticalOff } = EVENT_RULES;
  const quiet = { criticality: 1, ici: 0.5 };

  test("comes once, when criticality has been below 1.5 for three frames", () => {
    const script = new Script()
      .frames(10, quiet)
      .frames(2, { criticality: 2.1, ici: 0.6 })
      .frames(1, { criticality: 2.8914, ici: 0.7 })
      .frames(1, { criticality: 2.2, ici: 0.8123 })
      .frames(5, { criticality: 1.6, ici: 0.4 })
      .frames(30, { ...quiet, ici: 0.9 });
    const event = {
      type: "critical_event",
      timestamp: at(21),
      criticality: 2.8914,
      duration_ms: 300,
      peak_ici: 0.8123,
    };
    expect(script.told).toEqual([[21, event]]);
  });

  test("is one where criticality only dips below 1.5", () => {
    const script = new Script().frames(1, quiet).frames(5, { criticality: 2.5 });
    for (let n = 0; n < 10; n++) script.frames(2, quiet).frames(1, { criticality: criticalOff });
    expect(script.frames(3, quiet).kinds).toEqual(["38 critical_event"]);
  });

  test.each([
    [`at ${criticalOn}`, criticalOn, 30, []],
    [`above ${criticalOn}`, criticalOn + 0.0001, 30, ["33 critical_event"]],
    ["for two frames only", 5, 2, []],
    ["for three frames", 5, 3, ["6 critical_event"]], // 100 ms
  ] as const)("%s", (_, criticality, frames, kinds) => {
    expect(new Script().frames(1, quiet).frames(frames, { criticality }).frames(9, quiet).kinds).toEqual(kinds);
  });

  test("each excursion has its own peak", () => {
    const script = new Script()
      .frames(5, { criticality: 9 })
      .frames(3, quiet)
      .frames(5, { criticality: 3 })
      .frames(3, quiet);
    expect(script.told.map(([, event]) => event)).toMatchObject([{ criticality: 9 }, { criticality: 3 }]);
  });
});

describe("phi_adaptation", () => {
  const steer = (script: Script, frames: number, value: (n: number) => Partial<MetricsFrame>): Script => {
    for (let n = 0; n < frames; n++) script.frames(1, value(n), true);
    return script;
  };

  test("gathers steps: at most two a second, each from where the last one ended", () => {
    const script = steer(new Script(), 300, (n) => ({ phi_depth: n / 1000, phi_phase: 1 }));
    const depths = script.told.map(([, event]) =>
      event.type === "phi_adaptation" ? [event.old_depth, event.new_depth] : [],
    );
    expect(script.told[0]).toEqual([
      5,
      {
        type: "phi_adaptation",
        timestamp: at(5),
        old_depth: 0,
        new_depth: 0.005,
        old_phase: 1,
        new_phase: 1,
        reason: "criticality_optimization",
      },
    ]);
    expect(depths.slice(0, 3)).toEqual([
      [0, 0.005],
      [0.005, 0.02],
      [0.02, 0.035],
    ]);
    expect(script.told.length).toBe(20); // of 10 s
    for (const [n, pair] of depths.entries()) if (n > 0) expect(pair[0]).toBe(depths[n - 1]?.[1]);
  });

  test.each([
    ["depth by less than 0.005", { phi_depth: 0.5049 }, undefined],
    ["depth by 0.005", { phi_depth: 0.505 }, "criticality_optimization"],
    ["phase by less than 0.02", { phi_phase: 0.0199 }, undefined],
    ["phase by 0.02", { phi_phase: 0.02 }, "coherence_tracking"],
    ["phase by less than 0.02, the other way round", { phi_phase: 6.27 }, undefined],
    ["phase by 0.03, the other way round", { phi_phase: 6.25 }, "coherence_tracking"],
  ])("%s", (_, moved, reason) => {
    const start = { phi_depth: 0.5, phi_phase: 0 };
    const script = new Script().frames(3, start, true).frames(60, { ...start, ...moved }, true);
    expect(script.told.map(([, event]) => event)).toMatchObject(reason === undefined ? [] : [{ reason }]);
  });

  test("is Auto-Φ's alone: breathing is none, and what happened before it is none of its own", () => {
    const script = new Script()
      .frames(30, { phi_depth: 0.1 })
      .frames(30, { phi_depth: 0.8 })
      .frames(60, { phi_depth: 0.9 }, true);
    expect(script.kinds).toEqual([]);
  });
});

test("what nobody fetches is lost from 257 on, the oldest first, and counted", () => {
  const events = new Events();
  for (let n = 0; n < 300; n++) {
    for (const criticality of [9, 9, 9, 9, 0, 0, 0]) {
      const frame = { ...idleFrame(n, n, DEFAULT_INPUTS), criticality };
      events.frame(frame, n * 1000 + (9 - criticality) * 50, false);
    }
  }
  const waiting = events.drain();
  expect([waiting.length, waiting[0]?.timestamp, events.lost]).toEqual([256, 44, 44]);
  expect(events.drain()).toEqual([]);
});

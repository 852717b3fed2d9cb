/** Latency as the chain measures it, by a scripted clock (contract soundlab §5, row OURS). */
import { describe, expect, test } from "@jest/globals";
import { lagOf, probe } from "../../../processes/soundlab/chain/calibration.ts";
import { BLOCK_MS, SAMPLE_RATE } from "../../../processes/soundlab/chain/constants.ts";
import { LatencyMeter } from "../../../processes/soundlab/chain/latency.ts";
import { Scripted, UNIX } from "./signals.ts";

/** A meter, and blocks for it, each so many ms after the one before. */
function blocks(): { readonly meter: LatencyMeter; readonly block: (ms: number) => number } {
  const meter = new LatencyMeter(0, 0);
  let now = 0;
  const block = (ms: number): number => {
    now += ms;
    meter.block(now);
    return now;
  };
  return { meter, block };
}

describe("a frame of latency", () => {
  test("before anything was measured", () => {
    expect(new LatencyMeter(21.3, 0).frame(UNIX + 123.4)).toEqual({
      timestamp: UNIX / 1000 + 0.123,
      total_latency_ms: 21.3,
      hardware_latency_ms: 21.3,
      software_latency_ms: 0,
      buffer_latency_ms: 10.667,
      jitter_ms: 0,
      calibrated: false,
      compensation_ms: 0,
      drift_ms: 0,
    });
  });

  test("software is the mean of the last 100 hand-overs, and total its sum with hardware", () => {
    const meter = new LatencyMeter(21.3, 0);
    for (let n = 0; n < 100; n++) meter.handedOver(500);
    for (let n = 0; n < 100; n++) meter.handedOver(n % 2 === 0 ? 23 : 24.8);
    expect(meter.frame(UNIX)).toMatchObject({ software_latency_ms: 23.9, total_latency_ms: 45.2 });
    meter.handedOver(113);
    expect(meter.frame(UNIX)).toMatchObject({ software_latency_ms: 24.8, total_latency_ms: 46.1 });
  });

  test("total is the sum to the digit, whatever was measured", () => {
    const meter = new LatencyMeter(5.0005, 0);
    for (let n = 1; n < 500; n++) {
      meter.handedOver(n * 0.77773);
      const { total_latency_ms, hardware_latency_ms, software_latency_ms } = meter.frame(UNIX);
      expect(Math.round(1000 * total_latency_ms)).toBe(
        Math.round(1000 * hardware_latency_ms) + Math.round(1000 * software_latency_ms),
      );
    }
  });

  test("jitter is the standard deviation of the last 100 intervals", () => {
    const { meter, block } = blocks();
    block(0);
    for (let n = 0; n < 100; n++) block(50);
    for (let n = 0; n < 100; n++) block(n % 2 === 0 ? 9 : 13);
    expect(meter.frame(UNIX).jitter_ms).toBe(2);
    meter.gap(); // what follows a gap is no interval
    block(5000);
    expect(meter.frame(UNIX).jitter_ms).toBe(2);
  });

  test("drift is the last block's, its rate wants ten blocks and a second", () => {
    const { meter, block } = blocks();
    for (let n = 0; n < 9; n++) block(200 + n);
    const now = block(209);
    expect(meter.stats(now, UNIX, 0).drift).toMatchObject({ sample_count: 9, drift_rate_ms_per_sec: 0 });
    const stats = meter.stats(block(210), UNIX, 0);
    expect(stats.drift.sample_count).toBe(10);
    expect(stats.drift.current_drift_ms).toBeCloseTo(210 - BLOCK_MS, 3);
    expect(stats.drift.drift_rate_ms_per_sec).toBeCloseTo(9 / 1.854, 3);
    for (let n = 0; n < 250; n++) block(20 + n); // with the next, the last 100 are 171 to 270
    const span = (99 * (172 + 270)) / 2;
    expect(meter.stats(block(270), UNIX, 0).drift.drift_rate_ms_per_sec).toBeCloseTo(99 / (span / 1000), 3);
    const quick = new LatencyMeter(0, 0);
    for (let n = 0; n < 90; n++) quick.block(n * 11);
    expect(quick.stats(990, UNIX, 0).drift.drift_rate_ms_per_sec).toBe(0);
  });

  test("what drifted more than 2 ms in ten minutes is taken back, once a minute", () => {
    const drifted = (perBlock: number, ms: number): number => {
      const { meter, block } = blocks();
      let now = 0;
      while (now < ms) now = block(BLOCK_MS + perBlock);
      return meter.stats(now, UNIX, 0).drift.cumulative_drift_ms;
    };
    expect(drifted(0.00001, 59_000)).toBeGreaterThan(0.05);
    expect(drifted(0.00001, 119_000)).toBeGreaterThan(0.1); // 0.06 ms a minute is within
    expect(drifted(0.001, 59_000)).toBeGreaterThan(5);
    expect(drifted(0.001, 61_000)).toBeLessThan(0.2);
    expect(drifted(0.001, 119_000)).toBeGreaterThan(5);
  });

  test("effective is total − compensation − offset, aligned within 5 ms", () => {
    const meter = new LatencyMeter(10, 0);
    meter.handedOver(6);
    expect(meter.stats(0, UNIX, 0)).toMatchObject({ calibrated: false, aligned: false, effective_latency_ms: 16 });
    meter.calibrated(12);
    expect(meter.frame(UNIX)).toMatchObject({ calibrated: true, compensation_ms: 12 });
    expect(meter.stats(0, UNIX, 0)).toMatchObject({ calibrated: true, aligned: true, effective_latency_ms: 4 });
    expect(meter.stats(0, UNIX, -1)).toMatchObject({ aligned: true, effective_latency_ms: 5 });
    expect(meter.stats(0, UNIX, -1.001)).toMatchObject({ aligned: false });
    meter.calibrated(480);
    expect(meter.frame(UNIX).compensation_ms).toBe(200);
  });
});

describe("the lag of what came back", () => {
  const delayed = (samples: number, gain = 1): Float64Array => {
    const out = new Float64Array(probe().length + SAMPLE_RATE / 2 + 1);
    for (const [n, x] of probe().entries()) if (n + samples >= 0) out[n + samples] = gain * x;
    return out;
  };

  test.each([0, 1, 512, 1234, 24_000])("%d samples", (samples) => {
    expect(lagOf(probe(), delayed(samples), 2)).toMatchObject({
      measured_ms: Math.round((samples * 1e6) / SAMPLE_RATE) / 1000,
      os_ms: expect.closeTo(Math.max(0, samples / 48 - 2 - BLOCK_MS), 3),
    });
  });

  test("is found in a weak and inverted signal too", () => {
    expect(lagOf(probe(), delayed(700, -0.01), 0)).toMatchObject({ measured_ms: 14.583 });
  });

  test("is worth less the more noise there is", () => {
    const noisy = delayed(512, 0.05);
    let x = 1;
    for (let n = 0; n < noisy.length; n++) {
      x = (x * 48271) % 2147483647;
      noisy[n] = (noisy[n] ?? 0) + 1.5 * (x / 2147483647 - 0.5);
    }
    const [clean, poor] = [lagOf(probe(), delayed(512), 0), lagOf(probe(), noisy, 0)];
    if ("failed" in clean || "failed" in poor) throw new Error("there should be results");
    expect(clean.quality).toBeGreaterThan(0.5);
    expect(poor.quality).toBeLessThan(clean.quality);
  });

  test.each([
    [delayed(24_001), "a lag of 500.021 ms is outside 0 to 500 ms"],
    [delayed(-10), "a lag of -0.208 ms is outside 0 to 500 ms"],
    [new Float64Array(20_000), "nothing came back"],
  ])("is refused outside 0 to 500 ms", (recorded, failed) => {
    expect(lagOf(probe(), recorded, 0)).toEqual({ failed });
  });
});

describe("the chain's own", () => {
  test("software latency: from when a block was due to the hand-over of its frame", () => {
    const script = new Scripted({ hardwareMs: 7 });
    script.run(10_000);
    // A frame's newest block is 0 to 10.667 ms old; three blocks to a frame and a bit, so all ages occur alike.
    const { software_latency_ms, jitter_ms, drift_ms } = script.latency.at(-1) ?? {};
    expect(software_latency_ms).toBeGreaterThan(4);
    expect(software_latency_ms).toBeLessThan(6.7);
    expect([jitter_ms, drift_ms]).toEqual([0, 0]); // by an exact clock
    for (let n = 0; n < 300; n++) {
      while (script.chain.nextDueMs + 5 > script.now) script.now += 1;
      script.step(script.now); // 5 to 6 ms after the first that is due, together with what follows it closely
    }
    const late = script.chain.latencyFrame();
    expect(late.software_latency_ms - (software_latency_ms ?? 0)).toBeGreaterThan(3);
    expect(late.jitter_ms).toBeGreaterThan(0.1);
    expect(late.total_latency_ms).toBeCloseTo(7 + late.software_latency_ms, 9);
  });

  test("a frame counts once, however often it is handed over", () => {
    const script = new Scripted();
    script.run(1000);
    const before = script.chain.latencyFrame().software_latency_ms;
    script.chain.handedOver(script.now + 5000);
    expect(script.chain.latencyFrame().software_latency_ms).toBe(before);
  });

  test.each([
    [0, 0],
    [12, 0],
    [12, 3],
    [0, 9],
  ])("calibration with %d ms of hardware and blocks %d ms late finds both and the buffer", (hardwareMs, late) => {
    const script = new Scripted({ hardwareMs });
    script.run(500);
    expect(script.chain.calibration).toBe("none");
    expect(script.latency.at(-1)).toMatchObject({ calibrated: false, compensation_ms: 0 });
    script.chain.calibrate();
    expect(script.chain.calibration).toBe("running");
    const end = script.now + 300;
    while (script.chain.nextDueMs <= end) script.step(script.chain.nextDueMs + late);
    const result = script.chain.calibration;
    if (typeof result === "string" || "failed" in result) throw new Error(`no result: ${JSON.stringify(result)}`);
    const measured = BLOCK_MS + hardwareMs + late;
    expect(Math.abs(result.measured_ms - measured)).toBeLessThan(0.05); // two samples
    expect(Math.abs(result.os_ms - late)).toBeLessThan(0.05);
    expect(result.quality).toBeGreaterThan(0.5);
    expect(script.chain.latencyFrame()).toMatchObject({ calibrated: true, compensation_ms: result.measured_ms });
    expect(script.chain.latencyStats().effective_latency_ms).toBeCloseTo(
      script.chain.latencyFrame().total_latency_ms - result.measured_ms,
      9,
    );
  });

  test("calibration hears blocks one after the other, though three are made at once", () => {
    const script = new Scripted();
    script.step(0);
    script.chain.calibrate();
    for (let now = 32; now < 400; now += 32) script.step(now);
    expect(script.chain.calibration).toMatchObject({ measured_ms: 32 }); // the first of three waits for the third
  });

  test("calibration that loses blocks begins anew, and ends when the chain is stopped", () => {
    const script = new Scripted();
    script.run(500);
    script.chain.calibrate();
    script.run(200);
    script.step(script.now + 700);
    script.run(100);
    expect(script.chain.calibration).toBe("running");
    script.run(300);
    expect(script.chain.calibration).toMatchObject({ measured_ms: expect.any(Number) });
    script.chain.calibrate();
    script.run(200);
    script.chain.calibrate(); // it does so already
    script.run(100);
    expect(script.chain.calibration).toMatchObject({ measured_ms: expect.any(Number) });
    script.chain.calibrate();
    for (let n = 0; n < 4; n++) script.step(script.now + 200);
    expect(script.chain.calibration).toBe("running");
    script.step(script.now + 200);
    expect(script.chain.calibration).toEqual({ failed: "too many blocks were left out" });
    script.chain.calibrate();
    script.chain.stop();
    expect(script.chain.calibration).toEqual({ failed: "the chain was stopped" });
    expect(script.chain.latencyFrame().calibrated).toBe(true); // the one before still counts
  });
});

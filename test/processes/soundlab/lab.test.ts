/** What the process tells the chain: when it has handed a frame over. */
import { expect, test } from "@jest/globals";
import { Clients } from "../../../processes/soundlab/clients.ts";
import { Lab } from "../../../processes/soundlab/lab.ts";
import { readSettings } from "../../../processes/soundlab/settings.ts";
import { UNIX } from "./signals.ts";

/** Software latency after 100 frames, where sending each takes so long. */
function softwareMs(sendMs: number): number {
  const settings = readSettings({});
  let now = UNIX;
  const lab = new Lab(settings, new Clients(settings.messagesPerSecond), now);
  let frames = 0;
  while (frames < 100) {
    lab.tick(
      () => now,
      ({ stream }) => {
        if (stream !== "metrics") return;
        frames++;
        now += sendMs;
      },
    );
    now += Math.ceil(lab.wait(now)); // as timers are: whole milliseconds
  }
  return lab.latencyStats.latency.software_latency_ms;
}

test("the time that sending takes is part of the software latency", () => {
  expect(softwareMs(8) - softwareMs(0)).toBeGreaterThan(5);
});

test("a wall clock that is set back, or far ahead, holds nothing up", () => {
  const settings = readSettings({});
  const lab = new Lab(settings, new Clients(settings.messagesPerSecond), UNIX);
  let frames = 0;
  const sendSecond = (from: number): number => {
    frames = 0;
    for (let now = from; now < from + 1_000; now += 10)
      lab.tick(
        () => now,
        ({ stream }) => {
          if (stream === "metrics") frames++;
        },
      );
    return frames;
  };
  expect(sendSecond(UNIX)).toBe(29);
  expect(sendSecond(UNIX - 3_600_000)).toBeGreaterThanOrEqual(29);
  expect(lab.wait(UNIX - 3_600_000 + 1_000)).toBeLessThan(20);
  expect(sendSecond(UNIX + 3_600_000)).toBeGreaterThanOrEqual(29);
  expect(sendSecond(UNIX + 3_600_000)).toBeLessThanOrEqual(33);
});

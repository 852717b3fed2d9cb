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

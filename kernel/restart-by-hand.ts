/**
 * A person has a process begin anew: in peace, or at once when that takes longer than limits.farewell.
 *
 * Whatever its on_exit, and outside its restart limits. What waits in its mailbox is kept, its channels are opened anew.
 */
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";
import { Alarm } from "./timer-wheel.ts";

/** @returns whether its next incarnation has begun; false: it was never run, or is gone for good instead */
export function restartByHand(kernel: Kernel, process: Process): Promise<boolean> {
  return new Promise((resolve) => {
    const name = process.address.id.text;
    const alarm = new Alarm(() => process.restartNow());
    const end = (hasBegun: boolean): void => {
      kernel.wheel.cancel(alarm);
      unlisten();
      resolve(hasBegun);
    };
    const unlisten = kernel.events.listen((event) => {
      if (event.type === "process-started" && event.process === name) end(true);
      if (event.type === "process-gone" && event.process === name) end(false);
    });
    kernel.wheel.add(alarm, kernel.limits.farewell);
    if (!process.restartAfterHand()) end(false);
  });
}

/** What a monitor tells, as `onDown` gets it. */
import { KERNEL, type Message, type ProcessDown } from "../protocol/index.ts";

export type Down = {
  /** Its process id. */
  readonly process: string;
  /** Which of its incarnations ended, from 1; 0: it was not there when the monitor was set. */
  readonly incarnation: number;
  /**
   * - `exit`: by itself. `crash`: by a throw. `kill`: somebody ended it. `restart`: a person had it restarted.
   * - `stop`, `parent`: its parent stopped it, or ended. `link`: one that it was linked to crashed for good.
   * - `gone`: it was not there when the monitor was set.
   */
  readonly reason: ProcessDown["reason"];
  /** Its next incarnation follows, and the end of that is told too. False: it is gone for good. */
  readonly restarts: boolean;
  /** It ended more often than its restart limits allow. */
  readonly gaveUp: boolean;
};

/** @returns undefined: it is a message like any other */
export function downOf({ source, body }: Message, node: string): Down | undefined {
  if (source.id.text !== KERNEL.text || source.node !== node) return undefined;
  if (typeof body !== "object" || body === null || !("ProcessDown" in body)) return undefined;
  const { gave_up: gaveUp, ...down } = body.ProcessDown as ProcessDown; // the kernel's word
  return { ...down, gaveUp };
}

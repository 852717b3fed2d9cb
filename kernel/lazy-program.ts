/**
 * A program that is loaded with the first message of its process: a system process that nobody uses costs a start nothing.
 * Its init runs then too; one that does not load crashes as any that throws. It may be one that is placed elsewhere: its
 * thread begins then.
 */
import type { Host, Program } from "../lib/protocol/index.ts";
import type { PlaceableInstance } from "./placement/placeable.ts";

export function lazyProgram(load: () => Promise<Program>): Program {
  return {
    start(host: Host): PlaceableInstance {
      let begun: PlaceableInstance | null = null;
      let ready: PlaceableInstance | null = null; // its init is through
      let isEnded = false;
      const begin = async (): Promise<PlaceableInstance> => {
        const program = await load();
        if (isEnded) throw new Error("it has ended while it was loaded"); // nobody would end what begins now
        begun = program.start(host);
        await begun.init?.();
        ready = begun;
        return begun;
      };
      return {
        handle: (message) =>
          ready === null ? begin().then((loaded) => loaded.handle(message)) : ready.handle(message),
        exit: () => ready?.exit?.(),
        get underWay(): number {
          return begun?.underWay ?? 0;
        },
        giveBack: () => ready?.giveBack?.() ?? null, // before, the message it begins with is in hand here
        lapse: (lapsed) => ready?.lapse?.(lapsed),
        halt: () => ready?.halt?.() ?? null,
        end: () => {
          isEnded = true;
          begun?.end?.();
        },
      };
    },
  };
}

/**
 * A program that is loaded with the first message of its process: a system process that nobody uses costs a start nothing.
 * Its init runs then too; one that does not load crashes as any that throws.
 */
import type { Host, Instance, Program } from "../lib/protocol/index.ts";

export function lazyProgram(load: () => Promise<Program>): Program {
  return {
    start(host: Host): Instance {
      let instance: Instance | null = null;
      const begin = async (): Promise<Instance> => {
        const loaded = (await load()).start(host);
        await loaded.init?.();
        instance = loaded;
        return loaded;
      };
      return {
        handle: (message) =>
          instance === null ? begin().then((loaded) => loaded.handle(message)) : instance.handle(message),
        exit: () => instance?.exit?.(),
      };
    },
  };
}

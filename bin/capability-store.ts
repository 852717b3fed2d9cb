/** Keeps what processes gained and lost while the node ran beside their state: one value per process, as JSON. */
import type { CapabilityFacts, CapabilityStore } from "../kernel/index.ts";
import type { StateStore } from "../processes/state/store.ts";

const PREFIX = "capabilities "; // no process id has a space in it: nobody's state has such a key

export function capabilityStore(store: StateStore): CapabilityStore {
  return {
    *load() {
      for (const [, value] of store.entries(PREFIX)) {
        const { id, ...facts } = JSON.parse(new TextDecoder().decode(value)) as CapabilityFacts & {
          readonly id: string;
        };
        yield [id, facts];
      }
    },
    set: (id, facts) =>
      facts === null
        ? store.delete(PREFIX + id)
        : store.set(PREFIX + id, new TextEncoder().encode(JSON.stringify({ id, ...facts }))),
  };
}

/** What a process in a realm has the node do and may await: spawn, commands (lib/protocol/host-command.ts). */
import type { Host, HostCommand } from "../../lib/protocol/index.ts";
import type { BatchWriter } from "./batch-writer.ts";
import { unpackError } from "./error-codec.ts";
import { packBody } from "./message-codec.ts";
import { unpackSpawn } from "./on-exit-codec.ts";
import { ORDER } from "./records.ts";

export type Order = readonly ["spawn", unknown] | readonly ["command", HostCommand];

/** In the node. @returns a value @throws (rejects) what `host` throws */
export async function carryOut(host: Host, order: unknown): Promise<unknown> {
  const [name, argument] = order as Order;
  if (name === "command") return host.command(argument);
  return (await host.spawn(unpackSpawn(argument))).text;
}

type Given = { readonly resolve: (result: unknown) => void; readonly reject: (error: unknown) => void };

/** In the realm: those of one process that are under way. Each has an answer: the node gives one to all. */
export class Orders {
  readonly #out: () => BatchWriter;
  readonly #given = new Map<number, Given>();
  #last = 0;

  constructor(out: () => BatchWriter) {
    this.#out = out;
  }

  give(order: Order): Promise<unknown> {
    const packed = packBody(order, "order", order[0]);
    return new Promise((resolve, reject) => {
      this.#last = (this.#last + 1) >>> 0;
      this.#given.set(this.#last, { resolve, reject });
      this.#out().u8(ORDER).u32(this.#last).bytes(packed);
    });
  }

  done(call: number, result: unknown): void {
    const given = this.#given.get(call);
    this.#given.delete(call);
    const { ok, error } = result as { readonly ok?: unknown; readonly error?: unknown };
    if (error === undefined) given?.resolve(ok);
    else given?.reject(unpackError(error));
  }
}

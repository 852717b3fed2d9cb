/** Where the clients of a crowd go and how they speak, in bytes: read once, shared by all. */
import { maskedFrame } from "../load/frames.ts";
import { readTalk, type WireTalk } from "../load/wire.ts";
import type { Crowd } from "./job.ts";

export type Place = { readonly port: number; readonly path: string; readonly talk: WireTalk };

export class WireCrowd {
  readonly #ports: readonly number[];
  readonly #talks: readonly WireTalk[];

  /** @throws {Error} it has no port, or no talk */
  constructor({ ports, talks }: Crowd) {
    if (ports.length === 0 || talks.length === 0)
      throw new Error("Cannot go anywhere as a crowd needs a port and a talk");
    this.#ports = ports;
    this.#talks = talks.map(readTalk);
  }

  /** @param index of the client, from 0 */
  placeOf(index: number): Place {
    const talk = nth(this.#talks, index);
    return { port: nth(this.#ports, index), path: nth(talk.paths, index), talk };
  }

  /** The message of client 0, masked; every other one's is as long. */
  get message(): Buffer {
    const { opcode, payload } = this.placeOf(0).talk.message;
    return maskedFrame(opcode, payload);
  }
}

/** In turn. */
function nth<Each>(all: readonly Each[], index: number): Each {
  return all[index % all.length] as Each; // there is one at least
}

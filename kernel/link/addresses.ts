/** Addresses of one node's processes, by their ids as they come in frames: the same few, again and again. */
import { Address, ProcessId } from "../../lib/protocol/index.ts";

const ADDRESSES_MAX = 1_000; // some 200 bytes each; then they are made anew

export class Addresses {
  readonly #node: string;
  readonly #known = new Map<string, Address>();

  constructor(node: string) {
    this.#node = node;
  }

  /** @throws {IdError} */
  of(id: string): Address {
    let address = this.#known.get(id);
    if (address === undefined) {
      if (this.#known.size >= ADDRESSES_MAX) this.#known.clear();
      address = new Address(this.#node, ProcessId.parse(id));
      this.#known.set(id, address);
    }
    return address;
  }
}

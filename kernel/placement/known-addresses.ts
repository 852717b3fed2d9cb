/** Addresses by their text, so that the same text leads to the same object: the bus finds its way by that (routes.ts). */
import { Address } from "../../lib/protocol/index.ts";

const ADDRESSES_MAX = 1024; // about 150 kB; who names more begins anew

export class KnownAddresses {
  readonly #known = new Map<string, Address>();

  /** @throws {IdError} */
  find(text: string): Address {
    return this.#known.get(text) ?? this.#add(text);
  }

  /** `address` itself is what its text leads to from now on. */
  add(address: Address): void {
    this.#known.set(address.text, address);
  }

  #add(text: string): Address {
    const address = Address.parse(text);
    if (this.#known.size >= ADDRESSES_MAX) this.#known.clear();
    this.#known.set(text, address);
    return address;
  }
}

/**
 * What a process calls others by, and the address each name stands for.
 *
 * A name is parsed once; from then on it gives the same object, by which the bus finds its way without a look-up.
 */
import { type Address, type AddressLike, toAddress } from "../protocol/index.ts";

const NAMES_MAX = 256; // about 30 kB; who uses more begins anew
const NONE: Map<AddressLike, Address> = new Map(); // of all that have used none yet: never written to

export class AddressBook {
  readonly #node: string;
  #known = NONE;
  // The one asked for last: most processes send to the same one again.
  #name: AddressLike | null = null;
  #address: Address | null = null;

  /** @param node what a name without one stands for */
  constructor(node: string) {
    this.#node = node;
  }

  /** @throws {IdError} it is no address */
  find(name: AddressLike): Address {
    if (this.#name === name && this.#address !== null) return this.#address;
    const address = this.#known.get(name) ?? this.#add(name);
    this.#name = name;
    this.#address = address;
    return address;
  }

  #add(name: AddressLike): Address {
    const address = toAddress(name, this.#node);
    if (this.#known === NONE) this.#known = new Map();
    else if (this.#known.size >= NAMES_MAX) this.#known.clear();
    this.#known.set(name, address);
    return address;
  }
}

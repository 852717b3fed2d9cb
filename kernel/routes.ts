/**
 * Where a process has sent before: whom each address led to, and that it may message them.
 *
 * Found by the address object, so that neither a name is looked up nor a capability checked per message. All of it
 * holds for one epoch: with the next change of a capability, or of who is there, it begins anew. Names stay, for people.
 */
import type { Address } from "../lib/protocol/index.ts";
import type { Process } from "./process.ts";

const ROUTES_MAX = 256; // addresses, about 10 kB; who names more begins anew
const NONE: Map<Address, Process> = new Map(); // of all that send to one only, or to nobody: never written to

export class Routes {
  #known = NONE; // more than one
  #epoch = -1;
  // The two found last: most processes send to the same one again, or to the http-server and another in turn.
  #address: Address | null = null;
  #process: Process | null = null;
  #addressBefore: Address | null = null;
  #processBefore: Process | null = null;
  #names: Set<string> | null = null; // of all whom it has ever led to, the newest ROUTES_MAX; most processes know few

  /** Process ids that messages went to: whether they are there now is not known here. */
  get names(): readonly string[] {
    return [...(this.#names ?? [])];
  }

  /** Hot path. */
  find(address: Address, epoch: number): Process | null {
    if (this.#epoch !== epoch) return null;
    if (this.#address === address) return this.#process;
    if (this.#addressBefore === address) return this.#processBefore;
    const process = this.#known.get(address);
    if (process === undefined) return null;
    this.#found(address, process);
    return process;
  }

  add(address: Address, process: Process, epoch: number): void {
    if (this.#epoch !== epoch || this.#known.size >= ROUTES_MAX) this.#forget();
    this.#epoch = epoch;
    if (this.#address !== null && this.#process !== null) {
      if (this.#known === NONE) this.#known = new Map();
      if (this.#known.size === 0) this.#known.set(this.#address, this.#process); // it was alone until now
      this.#known.set(address, process);
    }
    this.#found(address, process);
    this.note(process);
  }

  #found(address: Address, process: Process): void {
    this.#addressBefore = this.#address;
    this.#processBefore = this.#process;
    this.#address = address;
    this.#process = process;
  }

  #forget(): void {
    if (this.#known !== NONE) this.#known.clear();
    this.#address = null;
    this.#process = null;
    this.#addressBefore = null;
    this.#processBefore = null;
  }

  /** Once per epoch and address, or where a message takes another way: not per message. */
  note({ address }: Process): void {
    this.#names ??= new Set();
    const { text } = address.id;
    if (this.#names.has(text)) return;
    const [oldest] = this.#names;
    if (oldest !== undefined && this.#names.size >= ROUTES_MAX) this.#names.delete(oldest);
    this.#names.add(text);
  }
}

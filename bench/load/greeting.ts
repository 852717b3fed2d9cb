/** One client's greeting: what it says and what it must hear, step by step, until it is ready. */
import { shown, startsWith, type Wire, type WireTalk } from "./wire.ts";

export class Greeting {
  readonly #steps: WireTalk["greeting"];
  readonly #send: (wire: Wire) => void;
  #done = 0;

  constructor({ greeting }: WireTalk, send: (wire: Wire) => void) {
    this.#steps = greeting;
    this.#send = send;
  }

  /** Says what is next, until something must be heard. @returns whether that was all */
  go(): boolean {
    for (let step = this.#steps[this.#done]; step !== undefined; step = this.#steps[this.#done]) {
      if (step.sends !== undefined) this.#send(step.sends);
      if (step.hears !== undefined) return false;
      this.#done += 1;
    }
    return true;
  }

  /** Takes a message, and goes on. @returns whether that was all @throws {Error} it is not what must be heard now */
  hear(opcode: number, payload: Buffer): boolean {
    const wanted = this.#steps[this.#done]?.hears;
    if (wanted === undefined || !startsWith(wanted, opcode, payload)) {
      throw new Error(`step ${this.#done + 1} of the greeting was answered with ${shown(opcode, payload)}`);
    }
    this.#done += 1;
    return this.go();
  }
}

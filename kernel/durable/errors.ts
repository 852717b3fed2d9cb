/** What can be wrong with durable messages, as errors that say what to do. */
import { KernelError } from "../../lib/protocol/index.ts";

/** A durable message that is not kept, or a way for them that cannot be had. */
export class DurableError extends KernelError {
  override readonly name = "DurableError";
  readonly rule: string;

  constructor(what: string, rule: string, options?: ErrorOptions) {
    super("durable", `Cannot keep durable messages ${what} as ${rule}`, options);
    this.rule = rule;
  }
}

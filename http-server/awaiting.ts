/** What the http-server keeps with a request that it sends to a process, as its context: it gets the outcome. */
import type { Envelope } from "../lib/protocol/index.ts";

export abstract class Awaiting {
  /** @param outcome the answer, or the error that ended the request without one */
  abstract answered(outcome: Envelope): void;
}

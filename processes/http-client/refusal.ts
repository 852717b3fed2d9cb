/** What an action ends with when it is not done: the answer's `Err`. */
import type { HttpClientErrorBody } from "jackfield/protocol";
import type { HttpClientLimitName, HttpClientLimits } from "./limits.ts";

export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly body: HttpClientErrorBody;
  constructor(body: HttpClientErrorBody) {
    super(JSON.stringify(body));
    this.body = body;
  }
}

export function limitReached(limits: HttpClientLimits, limit: HttpClientLimitName): Refusal {
  return new Refusal({ LimitReached: { limit, max: limits[limit] } });
}

/**
 * Direct mode: each message of the client gets exactly one reply (contract hanami §7.1), or ends the connection.
 *
 * 1. A vector goes into its buffer. In W1 its name alone says which, in W2 the name and the kind of buffer.
 * 2. `isLast` decides what follows: one step of training, or one forward pass whose first output is the reply.
 * 3. Replies are in the dialect that the connection spoke last (§5.2); before it said any, in that of its template.
 * 4. What cannot be done ends the connection with a reason (§7.2); then nothing was stored.
 */
import {
  type ClusterIo,
  type ClusterIoReply,
  decodeClusterIo,
  encodeClusterIo,
  type WireDialect,
} from "../protobuf/cluster-io.ts";
import type { Model, Side } from "./model.ts";

/** @property closes the reason, for code 1008 */
export type DirectAnswer = { readonly reply: Uint8Array } | { readonly closes: string };

const ZERO = new Float32Array(1); // what acknowledgements say

export class DirectTalk {
  readonly #model: Model;
  #dialect: WireDialect;

  /** Of one connection. */
  constructor(model: Model) {
    this.#model = model;
    this.#dialect = model.template.dialect === "T1" ? "W1" : "W2";
  }

  take(bytes: Uint8Array): DirectAnswer {
    const message = decodeClusterIo(bytes, this.#dialect);
    if ("undecodable" in message) return { closes: message.undecodable };
    this.#dialect = message.dialect ?? this.#dialect;
    const { count, values, isLast, processType } = message;
    if (count !== values.length) return { closes: `it says ${count} values and brings ${values.length}` };
    const side = this.#side(message);
    if (typeof side === "object") return side;
    const refusal = this.#model.put(side, message.name, values);
    if (refusal !== undefined) return { closes: refusal };
    if (!isLast) return this.#reply({ name: "", isLast: false, processType: "train", values: ZERO });
    return processType === "train" ? this.#train() : this.#request();
  }

  #side({ dialect, name, target }: ClusterIo): Side | { readonly closes: string } {
    const isW2 = (dialect ?? this.#dialect) === "W2";
    if (isW2 && target === "output") return { closes: "an output cannot be written, send its expected values" };
    if (isW2) return target === "input" ? "input" : "output";
    return this.#model.port("input", name) === undefined ? "output" : "input";
  }

  #train(): DirectAnswer {
    const refusal = this.#model.train();
    return refusal === undefined
      ? this.#reply({ name: "", isLast: true, processType: "train", values: ZERO })
      : { closes: refusal };
  }

  #request(): DirectAnswer {
    const outputs = this.#model.request();
    if (typeof outputs === "string") return { closes: outputs };
    const name = this.#model.outputs[0]?.name ?? "";
    return this.#reply({ name, isLast: false, processType: "request", values: outputs[0] ?? new Float32Array(0) });
  }

  #reply(reply: ClusterIoReply): DirectAnswer {
    return { reply: encodeClusterIo(reply, this.#dialect) };
  }
}

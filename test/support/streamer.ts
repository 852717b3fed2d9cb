/** A process that has to do with streams, and does what the test tells it to: ctx.streams from outside a handler. */
import { type Context, defineProcess, type InputEvent, type Sample } from "../../lib/process/index.ts";
import type { Program } from "../../lib/protocol/index.ts";

export class Streamer {
  readonly samples: Sample[] = [];
  readonly inputs: InputEvent[] = [];
  /** As told: `name count`. */
  readonly listeners: string[] = [];
  /** Run in each init. */
  onInit: (ctx: Context) => void | Promise<void> = () => undefined;
  #ctx: Context | undefined;

  /** Ends by a throw when it is sent "crash", in peace when it is sent "exit". */
  readonly program: Program = defineProcess({
    init: (ctx) => {
      this.#ctx = ctx;
      return this.onInit(ctx);
    },
    onSample: (_, sample) => void this.samples.push(sample),
    onInput: (_, event) => void this.inputs.push(event),
    onListeners: (_, { name, count }) => void this.listeners.push(`${name} ${count}`),
    onRequest(_, { body }, ctx) {
      if (body === "crash") throw new Error("told to crash");
      if (body === "exit") ctx.exit();
    },
  });

  /** The newest incarnation's. */
  get ctx(): Context {
    if (this.#ctx === undefined) throw new Error("the process has not started");
    return this.#ctx;
  }

  get streams(): Context["streams"] {
    return this.ctx.streams;
  }

  get data(): readonly unknown[] {
    return this.samples.map(({ data }) => data);
  }
}

/**
 * The inside of a realm: a thread or an operating-system process that runs processes for a node.
 *
 * 1. Everything comes in batches, in order, and is done in order; what processes do goes out as one batch per turn.
 * 2. Turns are the kernel's own (run-queue.ts): no process starves another, and the realm's timers and pings get theirs.
 * 3. It loads no socket library and no store: see realm-main.ts.
 */
import {
  Address,
  freezeBody,
  isDialect,
  isProgram,
  KernelError,
  MESSAGE_TYPES,
  type Program,
  systemClock,
} from "../../lib/protocol/index.ts";
import { RunQueue } from "../run-queue.ts";
import { TimerWheel } from "../timer-wheel.ts";
import { BatchReader } from "./batch-reader.ts";
import { BATCH_BYTES, type Batch, BatchWriter } from "./batch-writer.ts";
import { packError, unpackError } from "./error-codec.ts";
import { KnownAddresses } from "./known-addresses.ts";
import { capabilitiesOf, readMessage } from "./message-codec.ts";
import type { Question } from "./questions.ts";
import type { RealmCarrier } from "./realm-carrier.ts";
import { RealmHost } from "./realm-host.ts";
import { RealmProcess } from "./realm-process.ts";
import { RealmTimers } from "./realm-timers.ts";
import * as record from "./records.ts";

const MIB = 1024 * 1024; // bytes
const TURN_MESSAGES = 1024; // handled before the realm's own timers and pings get their turn: as limits.turnSteps

export class Realm {
  readonly #carrier: RealmCarrier;
  readonly #load: (path: string) => Promise<unknown>;
  readonly #processes = new Map<number, RealmProcess>();
  readonly #known = new KnownAddresses();
  readonly #out = new BatchWriter();
  readonly #queue = new RunQueue(TURN_MESSAGES);
  readonly #wheel = new TimerWheel(systemClock);
  #flushes = false; // by an immediate

  /** @param load imports a program's file */
  constructor(carrier: RealmCarrier, load: (path: string) => Promise<unknown>) {
    this.#carrier = carrier;
    this.#load = load;
    this.#queue.afterTurn(() => this.#flush());
    carrier.listen((batch) => this.#received(batch));
    this.#records(0).u8(record.HELLO);
  }

  /** The whole realm ends by something that no process's handler threw. */
  dying(thrown: unknown): void {
    this.#records(0).u8(record.DYING).value(packError(thrown, true));
    this.#flush();
  }

  #received(batch: Batch): void {
    const reader = new BatchReader(batch);
    this.#queue.begin();
    try {
      for (let slot = reader.nextSection(); slot !== -1; slot = reader.nextSection()) {
        if (slot === 0) this.#ownRecords(reader);
        else this.#recordsOf(slot, reader);
      }
    } finally {
      this.#queue.end();
    }
  }

  #ownRecords(reader: BatchReader): void {
    while (reader.nextRecord() === record.PING) {
      const ping = reader.u32();
      // In an immediate: behind the messages that came before it.
      setImmediate(() =>
        this.#records(0)
          .u8(record.PONG)
          .u32(ping)
          .u32(process.memoryUsage.rss() / MIB),
      );
    }
  }

  #recordsOf(slot: number, reader: BatchReader): void {
    for (let type = reader.nextRecord(); type !== 0; type = reader.nextRecord()) {
      if (type === record.START) {
        this.#start(slot, reader.value() as record.StartOrder);
        continue;
      }
      const process = this.#processes.get(slot);
      if (process === undefined) return; // crashed meanwhile: the node has what was meant for it
      this.#record(slot, process, type, reader);
    }
  }

  #record(slot: number, process: RealmProcess, type: number, reader: BatchReader): void {
    const { host } = process;
    switch (type) {
      case record.FRAME: {
        const seq = reader.u32();
        const channelId = reader.u32();
        const messageType = MESSAGE_TYPES[reader.u8()] ?? "Binary";
        process.frame(seq, channelId, messageType, reader.lent());
        return;
      }
      case record.MESSAGE: {
        const seq = reader.u32();
        const call = reader.u32();
        const read = readMessage(reader, host.our, this.#known);
        const message = call === 0 && typeof read !== "string" ? read : host.requests.message(call, read);
        if (message === undefined) return;
        if (message.kind === "request") message.pending = seq;
        if (host.freezes) freezeBody(message.body);
        process.post(seq, message);
        return;
      }
      case record.OUTCOME: {
        const call = reader.u32();
        const outcome = readMessage(reader, host.our, this.#known);
        if (host.freezes && typeof outcome !== "string") freezeBody(outcome.body);
        host.requests.settle(call, outcome);
        return;
      }
      case record.RESULT:
        host.orders.done(reader.u32(), reader.value());
        return;
      case record.RECALL:
        process.recall(reader.value() as readonly number[]); // our node's word
        return;
      case record.LAPSED: {
        const seq = reader.u32();
        process.lapse(seq, capabilitiesOf(reader.value()));
        return;
      }
      case record.HALT:
        process.halt();
        return;
      case record.FAREWELL:
        void process.farewell();
        return;
      case record.END:
        process.end();
        this.#processes.delete(slot);
        return;
      default:
        throw new RangeError(`no record has the type ${type}`);
    }
  }

  #start(slot: number, order: record.StartOrder): void {
    const our = Address.parse(order.our);
    this.#known.add(our);
    const out = (): BatchWriter => this.#records(slot);
    const timers = new RealmTimers(this.#wheel, our, (message) => process.post(0, message));
    const host = new RealmHost({
      our,
      dialect: isDialect(order.dialect) ? order.dialect : "kinode",
      folder: order.folder,
      settings: order.settings,
      freezes: order.freezes,
      limits: order.limits,
      out,
      timers,
      ask: (question) => this.#ask(slot, question),
      hold: () => process.hold(),
      release: () => process.release(),
      exiting: () => process.exiting(),
    });
    const process = new RealmProcess(
      {
        out,
        begins: (seq) => this.#carrier.begins(slot, seq),
        returns: () => this.#carrier.returns(),
        schedule: () => this.#queue.schedule(process),
      },
      host,
    );
    this.#processes.set(slot, process);
    void process.start(async () => this.#program(order.path));
  }

  async #program(path: string): Promise<Program> {
    const module = (await this.#load(path)) as { readonly default?: unknown };
    if (isProgram(module.default)) return module.default;
    throw new KernelError(
      "InvalidProgram",
      `Cannot start a process from "${path}" as it has no process as its default export: export default defineProcess({ … })`,
    );
  }

  /** Hot path. Where records about `slot` go; they leave at the end of this turn, or of this round of the event loop. */
  #records(slot: number): BatchWriter {
    if (this.#out.length > BATCH_BYTES) this.#flush(); // a handler that says very much waits for the node here
    if (this.#queue.inTurn) this.#queue.callHook();
    else if (!this.#flushes) {
      this.#flushes = true;
      setImmediate(this.#flushLater);
    }
    return this.#out.section(slot);
  }

  readonly #flushLater = (): void => {
    this.#flushes = false;
    this.#flush();
  };

  #flush(): void {
    const batch = this.#out.take();
    if (batch !== null) this.#carrier.post(batch);
  }

  /** What was said before, goes before. @throws what the node throws */
  #ask(slot: number, question: Question): unknown {
    this.#flush();
    const { ok, error } = this.#carrier.ask(slot, question) as { readonly ok?: unknown; readonly error?: unknown };
    if (error !== undefined) throw unpackError(error);
    return ok;
  }
}

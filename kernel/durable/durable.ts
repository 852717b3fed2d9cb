/**
 * Durable messages of one node (docs/adr/0036): its outbox, its inbox, and the lane between nodes.
 *
 * 1. The lane is opened again and again until it is there; why not is said once.
 * 2. That it was once there is kept: what JetStream then says is missing may only seem to be (link/nats-durable.ts).
 * 3. What the disk does not take stays where it was: an error to who sends, no acknowledgement to another node.
 */
import { type Address, type DurableCommand, type DurableResult, OptionError } from "../../lib/protocol/index.ts";
import { UnpackableError } from "../errors.ts";
import type { Kernel } from "../kernel.ts";
import { isLinkName } from "../link/nats-subjects.ts";
import { Backoff } from "./backoff.ts";
import { Inbox, type InboxFacts } from "./inbox.ts";
import type { DurableLane } from "./lane.ts";
import { Outbox, type OutboxFacts } from "./outbox.ts";
import { packDurable } from "./pack.ts";
import { type Change, type DurableStore, LANE, memoryDurableStore } from "./store.ts";

const KIB = 1024;
const NO_LANE =
  "Cannot send durable messages to other nodes as this one is not in JetStream: --link, and --link-store-seed where its servers ask for keys";

export type DurableFacts = {
  /** Where other nodes are reached; null: nowhere. */
  readonly where: string | null;
  /** Why not now; null: they are, or there is no way. */
  readonly why: string | null;
  /** They are in memory, and end with the node. */
  readonly memory: boolean;
  readonly out: OutboxFacts;
  readonly in: InboxFacts;
};

export class Durable {
  readonly #kernel: Kernel;
  readonly #store: DurableStore;
  readonly #isMemory: boolean;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #reopen: Backoff;
  #lane: DurableLane | null = null;
  #why: string | null = null;
  #isStopped = false;

  /** @param store null: in memory */
  constructor(kernel: Kernel, store: DurableStore | null) {
    this.#kernel = kernel;
    const kept = store ?? memoryDurableStore();
    this.#store = kept;
    this.#isMemory = kept.volatile === true;
    this.#outbox = new Outbox(kernel, kept);
    this.#inbox = new Inbox(kernel, kept);
    this.#reopen = new Backoff(kernel, () => void this.#open());
    this.#inbox.resume();
  }

  get hasLane(): boolean {
    return this.#lane !== null;
  }

  /** For who may send it. @throws {OptionError} (rejects) too large @throws {UnpackableError} (rejects) @throws {DurableError} (rejects) */
  async keep(from: Address, target: Address, { body, blob, mime, metadata }: DurableCommand): Promise<DurableResult> {
    const isHere = target.node === this.#kernel.name;
    if (!isHere && !isLinkName(target.node)) return "Offline";
    let message: Uint8Array;
    try {
      message = packDurable({ source: from.id.text, target: target.id.text, body, blob, mime, metadata });
    } catch (cause) {
      throw new UnpackableError("send a durable message to", target.text, cause);
    }
    const most = this.#kernel.limits.durableMessage * KIB;
    if (message.byteLength > most) {
      throw new OptionError(
        `Cannot send "${target.text}" a durable message as limits.durableMessage is ${most} bytes: ${message.byteLength}, keep so much in files and name them`,
      );
    }
    const row = { node: target.node, at: this.#kernel.clock.now(), message };
    if (!isHere) return (await this.#outbox.keep(row)) ? null : "Overloaded";
    const { box } = this.#outbox;
    return (await this.#inbox.keep({ ...row, box, ...this.#outbox.nextId() })) ? null : "Overloaded";
  }

  join(lane: DurableLane): void {
    this.#lane = lane;
    void this.#open();
  }

  along(process: string, metadata: string | null): { readonly changes: readonly Change[]; done(): void } | undefined {
    return this.#inbox.along(process, metadata);
  }

  facts(): DurableFacts {
    const { where = null, dropped = 0 } = this.#lane ?? {};
    const [inbox, out] = [this.#inbox.facts(), this.#outbox.facts()];
    const isStuck = this.#lane === null && !this.#kernel.joins && out.waiting > 0; // of a life that was linked
    return {
      where,
      why: isStuck ? NO_LANE : this.#why,
      memory: this.#isMemory,
      out,
      in: { ...inbox, dropped: inbox.dropped + dropped },
    };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#reopen.cancel();
    this.#outbox.stop();
    this.#inbox.stop();
    await this.#lane?.close();
  }

  async #open(): Promise<void> {
    const lane = this.#lane;
    if (lane === null || this.#isStopped) return;
    const had = this.#store.get(LANE) !== undefined;
    try {
      await lane.open((from, bytes) => this.#inbox.take(from, bytes), had);
    } catch (error) {
      this.#failed(error);
      return;
    }
    if (this.#isStopped) return;
    this.#why = null;
    this.#reopen.succeeded();
    this.#outbox.open(lane);
    if (!had) this.#store.write([[LANE, new Uint8Array(1)]]).catch(() => undefined); // then the next life is as a first one
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return;
    const isNew = this.#why === null;
    this.#why = error instanceof Error ? error.message : String(error);
    if (isNew) this.#kernel.events.emit({ type: "fault", process: "kernel:distro:sys", error });
    this.#reopen.failed();
  }
}

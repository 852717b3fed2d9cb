/**
 * Who wants to hear of whose end. Each end of an incarnation is one message, `{ ProcessDown: … }`, from the kernel.
 *
 * 1. A monitor is its watcher's incarnation's: it ends with it, and what it has told that still waits goes too.
 * 2. It stays over restarts of the other, and ends when that is gone for good.
 * 3. A restart is told as any message, and is a dead letter where the mailbox is full; the last one is told always,
 *    as there is one for each monitor.
 * 4. One that is not there is told as gone at once: nobody can ask too late.
 * 5. While the node stops nothing is told: everything ends.
 */
import { type Address, Envelope, freezeBody, KERNEL, type ProcessDown, type ProcessId } from "../lib/protocol/index.ts";
import { LimitError } from "./errors.ts";
import type { Kernel } from "./kernel.ts";
import type { Process } from "./process.ts";
import type { Verdict } from "./verdict.ts";

/** The `origin` of what it tells. @property target null: it was not there */
class Monitor {
  readonly watcher: Process;
  readonly target: Process | null;
  readonly name: string;

  constructor(watcher: Process, target: Process | null, name: string) {
    this.watcher = watcher;
    this.target = target;
    this.name = name;
  }
}

export class Monitors {
  readonly #kernel: Kernel;
  readonly #byWatcher = new Map<Process, Map<string, Monitor>>(); // by the other's name
  readonly #byTarget = new Map<Process, Set<Monitor>>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Watchers and watched. */
  get size(): number {
    return this.#byWatcher.size + this.#byTarget.size;
  }

  /** @throws {LimitError} */
  add(watcher: Process, id: ProcessId, target: Process | undefined): void {
    const { text } = id;
    if (target === undefined) {
      const down: ProcessDown = { process: text, incarnation: 0, reason: "gone", restarts: false, gave_up: false };
      if (watcher.post(this.#message(new Monitor(watcher, null, text), down))) return;
      throw new LimitError(
        "hear what happens to one more in",
        watcher.address.text,
        "mailbox",
        watcher.mailbox.capacity,
        "envelopes",
      );
    }
    const own = this.#byWatcher.get(watcher) ?? new Map<string, Monitor>();
    const name = target.address.id.text;
    if (own.has(name)) return;
    const { monitors } = this.#kernel.limits;
    if (own.size >= monitors)
      throw new LimitError("monitor one more from", watcher.address.text, "monitors", monitors, "processes");
    const monitor = new Monitor(watcher, target, name);
    own.set(name, monitor);
    this.#byWatcher.set(watcher, own);
    const watched = this.#byTarget.get(target) ?? new Set<Monitor>();
    watched.add(monitor);
    this.#byTarget.set(target, watched);
  }

  remove(watcher: Process, id: ProcessId, target: Process | undefined): void {
    const name = target?.address.id.text ?? id.text;
    const monitor = this.#byWatcher.get(watcher)?.get(name);
    if (monitor !== undefined) this.#forget(monitor);
    watcher.recall(({ origin }) => origin instanceof Monitor && origin.name === name);
  }

  /** An incarnation of `process` has ended; gone for good comes by `gone`. */
  incarnationEnded(process: Process, verdict: Verdict): void {
    this.#endOwn(process);
    if (!verdict.restarts || this.#kernel.stopping) return;
    const down = downOf(process, verdict.reason, true, false);
    for (const monitor of this.#byTarget.get(process) ?? []) {
      const message = this.#message(monitor, down);
      if (!monitor.watcher.post(message)) this.#kernel.bus.bury(message, "overloaded");
    }
  }

  gone(process: Process, reason: ProcessDown["reason"], gaveUp: boolean): void {
    this.#endOwn(process);
    const watched = this.#byTarget.get(process);
    if (watched === undefined) return;
    const down = downOf(process, reason, false, gaveUp);
    for (const monitor of [...watched]) {
      this.#forget(monitor);
      if (!this.#kernel.stopping) monitor.watcher.postReserved(this.#message(monitor, down));
    }
  }

  #endOwn(watcher: Process): void {
    const own = this.#byWatcher.get(watcher);
    if (own !== undefined) for (const monitor of [...own.values()]) this.#forget(monitor);
    // Told to who has ended. There may be some without a monitor: of those that are gone.
    if (watcher.mailbox.length > 0) watcher.mailbox.remove(({ origin }) => origin instanceof Monitor);
  }

  #forget(monitor: Monitor): void {
    const own = this.#byWatcher.get(monitor.watcher);
    own?.delete(monitor.name);
    if (own?.size === 0) this.#byWatcher.delete(monitor.watcher);
    if (monitor.target === null) return;
    const watched = this.#byTarget.get(monitor.target);
    watched?.delete(monitor);
    if (watched?.size === 0) this.#byTarget.delete(monitor.target);
  }

  #message(monitor: Monitor, down: ProcessDown): Envelope {
    const body = { ProcessDown: down };
    if (this.#kernel.freezeBodies) freezeBody(body);
    const message = new Envelope("request", this.#source, monitor.watcher.address, body, null);
    message.id = this.#kernel.nextMessageId();
    message.origin = monitor;
    return message;
  }

  get #source(): Address {
    return this.#kernel.address(KERNEL);
  }
}

function downOf(process: Process, reason: ProcessDown["reason"], restarts: boolean, gaveUp: boolean): ProcessDown {
  return {
    process: process.address.id.text,
    incarnation: process.incarnation,
    reason,
    restarts,
    gave_up: gaveUp,
  };
}

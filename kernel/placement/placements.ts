/** Where the processes of one kernel run, other than inline: makes realms, shares them, and ends them with the node. */
import { LimitError } from "../errors.ts";
import type { Incarnation } from "../incarnation.ts";
import type { KernelLimits } from "../limits.ts";
import type { RunQueue } from "../run-queue.ts";
import type { Carrier, CarrierEvents } from "./carrier.ts";
import { ChildCarrier } from "./child-carrier.ts";
import { PlacedInstance } from "./placed-instance.ts";
import type { PlacedProgram } from "./placed-program.ts";
import { RealmLink } from "./realm-link.ts";
import { ThreadCarrier } from "./thread-carrier.ts";
import { Watchdog } from "./watchdog.ts";

export type PlacementsOptions = {
  readonly limits: KernelLimits;
  readonly queue: RunQueue;
  readonly freezeBodies: boolean;
  /** The script that a realm runs; default: the one that lies beside the running code. */
  readonly entry?: URL | string | undefined;
};

const MIB = 1024 * 1024; // bytes

export class Placements {
  readonly #options: PlacementsOptions;
  readonly #realms = new Set<RealmLink>();
  readonly #shared = new Map<string, RealmLink>();

  readonly #watchdog: Watchdog;
  #open = 0; // realms that have not ended

  constructor(options: PlacementsOptions) {
    this.#options = options;
    this.#watchdog = new Watchdog(options.limits, () => {
      for (const realm of this.#realms) realm.look();
    });
  }

  /** For an incarnation that begins. @throws {LimitError} realms */
  start(incarnation: Incarnation, { placement, path }: PlacedProgram): PlacedInstance {
    const { limits, freezeBodies } = this.#options;
    const { pendingRequests, timers, requestSeconds, turnSteps } = limits;
    const order = {
      path,
      our: incarnation.our.text,
      dialect: incarnation.dialect,
      folder: incarnation.folder,
      settings: incarnation.settings,
      freezes: freezeBodies,
      limits: { pendingRequests, timers, requestSeconds, turnSteps },
    };
    const window = { messages: limits.realmMessages, bytes: limits.realmBytes * MIB };
    return new PlacedInstance(incarnation, this.#realmFor(incarnation, placement), order, window);
  }

  /** Fulfilled when no thread and no operating-system process of this kernel is left. */
  async stop(): Promise<void> {
    await Promise.all([...this.#realms].map((realm) => realm.gone));
  }

  #realmFor(incarnation: Incarnation, placement: PlacedProgram["placement"]): RealmLink {
    if (typeof placement === "string")
      return this.#openRealm(incarnation, (events) => this.#connect(placement, events), null);
    const key = `${incarnation.our.id.packageId.text}/${placement.worker}`;
    return this.#shared.get(key) ?? this.#openRealm(incarnation, (events) => this.#connect("worker", events), key);
  }

  #openRealm({ our }: Incarnation, connect: (events: CarrierEvents) => Carrier, key: string | null): RealmLink {
    const { realms } = this.#options.limits;
    if (this.#open >= realms)
      throw new LimitError("start a thread or operating-system process for", our.text, "realms", realms, "realms");
    const onGone = (): void => {
      this.#open--;
      if (key !== null) this.#shared.delete(key);
      void realm.gone.then(() => this.#realms.delete(realm)).then(() => this.#watchdog.watch(this.#realms.size > 0));
    };
    const realm = new RealmLink({ connect, queue: this.#options.queue, limits: this.#watchdog, onGone });
    this.#open++;
    this.#realms.add(realm);
    this.#watchdog.watch(true);
    if (key !== null) this.#shared.set(key, realm);
    return realm;
  }

  #connect(placement: "worker" | "isolated", events: CarrierEvents): Carrier {
    const entry = this.#entry();
    if (placement === "worker") return new ThreadCarrier(entry, events);
    const { isolatedHeap, isolatedMemory } = this.#options.limits;
    return new ChildCarrier({ entry, heap: isolatedHeap, memory: isolatedMemory }, events);
  }

  #entry(): URL {
    const { entry = new URL("./realm.js", import.meta.url) } = this.#options; // dist/bin/: beside core.cjs
    return typeof entry === "string" ? new URL(entry) : entry;
  }
}

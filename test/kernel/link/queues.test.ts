/**
 * OutQueue and InQueue over a wire that loses, is cut, and finds nobody, with a peer that begins anew: by random schedules.
 *
 * Whatever happens: each item comes at most once, in order within its pair, whole; it ends at most once, and once the wire
 * is good again exactly once; what is said to have come has come; window and queue stay within their bounds.
 */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BatchReader, bodyOf, packAck, packChunk, readAck, readHead, readProbe } from "../../../kernel/link/frame.ts";
import { InQueue } from "../../../kernel/link/in-queue.ts";
import { Item } from "../../../kernel/link/item.ts";
import { OutQueue, type WindowLimits } from "../../../kernel/link/out-queue.ts";
import type { Lane, Wire } from "../../../kernel/link/wire.ts";

const LIMITS: WindowLimits = { windowBytes: 600, queueBytes: 3_000, queueItems: 20, inlineBytes: 200, pieceBytes: 64 };
const IN_LIMITS = { messageBytes: 2_000, ackBytes: 100 };
const EPOCH = 7;

type Frame = { readonly lane: Lane; readonly seq: number; readonly bytes: Uint8Array };
type Account = { readonly epoch: number; readonly bytes: Uint8Array };
type Fate = "arrived" | "lost";
type Offered = {
  readonly pair: string;
  readonly n: number;
  readonly size: number;
  isWanted: boolean;
  fate: Fate | null;
};

type Step =
  | { readonly do: "offer"; readonly pair: string; readonly size: number }
  | {
      readonly do:
        | "carry"
        | "lose"
        | "carry-back"
        | "lose-back"
        | "ack"
        | "cut"
        | "mend"
        | "anew"
        | "absent"
        | "tire"
        | "leave";
    };

const plain = (what: Exclude<Step["do"], "offer">) => fc.constant<Step>({ do: what });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("offer" as const),
      pair: fc.constantFrom("a", "b", "c"),
      size: fc.constantFrom(4, 40, 150, 500, 900),
    }),
  },
  { weight: 6, arbitrary: plain("leave") },
  { weight: 10, arbitrary: plain("carry") },
  { weight: 2, arbitrary: plain("lose") },
  { weight: 6, arbitrary: plain("carry-back") },
  { weight: 2, arbitrary: plain("lose-back") },
  { weight: 4, arbitrary: plain("ack") },
  { weight: 1, arbitrary: plain("cut") },
  { weight: 1, arbitrary: plain("mend") },
  { weight: 1, arbitrary: plain("anew") },
  { weight: 1, arbitrary: plain("absent") },
  { weight: 1, arbitrary: plain("tire") },
);

class Note extends Item {
  readonly #offered: Offered;
  readonly #end: (fate: Fate) => void;

  constructor(body: Uint8Array, offered: Offered, end: (fate: Fate) => void) {
    super("q", body);
    this.#offered = offered;
    this.#end = end;
  }

  get pair(): string {
    return this.#offered.pair;
  }

  get isWanted(): boolean {
    return this.#offered.isWanted;
  }

  arrived(): void {
    this.#end("arrived");
  }

  lost(): void {
    this.#end("lost");
  }
}

class World {
  readonly offered: Offered[] = [];
  readonly came: Buffer[] = [];
  readonly out: OutQueue;
  in = new InQueue(IN_LIMITS);
  there: Frame[] = []; // on their way to the peer
  back: Account[] = [];
  readonly #ear = new InQueue(IN_LIMITS);
  #peerEpoch = 100;
  isUp = true;
  now = 0;
  leave = (): void => undefined;
  #n = 0;

  constructor() {
    const wire: Wire = {
      where: "test",
      open: async () => undefined,
      send: (_, lane, seq, bytes) => void this.there.push({ lane, seq, bytes }),
      close: async () => undefined,
    };
    this.out = new OutQueue(wire, "peer", EPOCH, LIMITS, {
      owed: () => null,
      nowMs: () => this.now,
      later: (leave) => {
        this.leave = leave;
      },
    });
    this.out.up();
  }

  run(step: Step): void {
    this.now += 50;
    switch (step.do) {
      case "offer":
        return this.#offer(step.pair, step.size);
      case "carry":
        return this.#carry(this.there.shift());
      case "lose":
        return void this.there.shift();
      case "carry-back":
        return this.#carryBack(this.back.shift());
      case "lose-back":
        return void this.back.shift();
      case "ack":
        return this.#say();
      case "cut":
        if (!this.isUp) return;
        this.isUp = false;
        this.out.down();
        this.there = [];
        this.back = [];
        return;
      case "mend":
        if (this.isUp) return;
        this.isUp = true;
        return this.out.up();
      case "anew":
        this.in = new InQueue(IN_LIMITS);
        this.#peerEpoch++;
        return;
      case "absent": {
        const frame = this.there.shift();
        if (frame !== undefined && frame.seq > 0) this.out.absent(frame.seq);
        return;
      }
      case "leave":
        return this.leave();
      case "tire":
        for (const item of this.offered.slice(-3)) item.isWanted = false;
    }
  }

  /** The wire loses nothing more: all that can be said is. */
  calm(): void {
    this.run({ do: "mend" });
    for (let round = 0; round < 1_000; round++) {
      this.leave();
      if (this.there.length === 0 && this.back.length === 0 && this.out.waiting === 0 && this.out.unconfirmed === 0)
        return;
      if (this.there.length === 0 && this.back.length === 0) this.out.probe();
      while (this.there.length > 0) this.#carry(this.there.shift());
      this.#say();
      while (this.back.length > 0) this.#carryBack(this.back.shift());
    }
    throw new Error("the link does not come to rest");
  }

  #offer(pair: string, size: number): void {
    const offered: Offered = { pair, n: this.#n++, size, isWanted: true, fate: null };
    const end = (fate: Fate): void => {
      if (offered.fate !== null) throw new Error(`${offered.n} is ${fate} after it was ${offered.fate}`);
      offered.fate = fate;
    };
    const body = Buffer.alloc(size, offered.n % 251);
    body.writeUInt32LE(offered.n);
    if (this.out.offer(new Note(body, offered, end))) this.offered.push(offered);
  }

  #carry(frame: Frame | undefined): void {
    if (frame === undefined) return;
    const { epoch, seq } = readHead(frame.bytes);
    this.in.heard(epoch);
    if (frame.lane === "p") {
      this.in.probed(seq, readProbe(bodyOf(frame.bytes)));
      return this.#say();
    }
    if (frame.lane !== "b") this.#take(frame.lane, seq, bodyOf(frame.bytes));
    else {
      const batch = new BatchReader(frame.bytes);
      for (let next = seq; batch.next(); next++)
        this.#take(batch.lane, next, frame.bytes.subarray(batch.start, batch.end));
    }
    if (this.in.isDue) this.#say();
  }

  #take(lane: Lane, seq: number, value: Uint8Array): void {
    if (!this.in.take(seq, value.byteLength)) return;
    const body = lane === "c" ? this.in.piece(value)?.body : value;
    if (body !== undefined) this.came.push(Buffer.from(body));
  }

  #say(): void {
    const account = this.in.said();
    if (account.epoch !== 0 && this.isUp) this.back.push({ epoch: this.#peerEpoch, bytes: packAck(account) });
  }

  #carryBack(account: Account | undefined): void {
    if (account === undefined) return;
    const how = this.#ear.heard(account.epoch);
    if (how === "anew") this.out.anew();
    if (how !== "over") this.out.confirmed(readAck(account.bytes));
  }
}

describe("a link's queues", () => {
  test("keep their promises in any order of events", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const world = new World();
        for (const each of steps) {
          world.run(each);
          expect(world.out.waiting).toBeLessThanOrEqual(LIMITS.queueItems);
          expect(world.out.waitingBytes).toBeGreaterThanOrEqual(0);
          expect(world.out.waitingBytes).toBeLessThanOrEqual(LIMITS.queueBytes + 900);
          expect(world.out.unconfirmed).toBeLessThan(LIMITS.windowBytes + LIMITS.inlineBytes + 100);
        }
        world.calm();
        expect(world.out.waitingBytes).toBe(0);
        const came = world.came.map((body) => body.readUInt32LE(0));
        expect(new Set(came).size).toBe(came.length);
        const byNumber = new Map(world.offered.map((each) => [each.n, each]));
        for (const body of world.came) {
          const { n = -1, size } = byNumber.get(body.readUInt32LE(0)) ?? {};
          expect(body.byteLength).toBe(size);
          expect(body.subarray(4).every((byte) => byte === n % 251)).toBe(true);
        }
        for (const pair of ["a", "b", "c"]) {
          const order = came.filter((n) => byNumber.get(n)?.pair === pair);
          expect(order).toEqual([...order].sort((a, b) => a - b));
        }
        for (const { n, fate, isWanted } of world.offered) {
          if (fate === "arrived") expect(came).toContain(n);
          if (isWanted) expect(fate).not.toBeNull();
        }
      }),
      { numRuns: 1_500 },
    );
  });

  test("what was missed is said again when the account of it was lost", () => {
    const world = new World();
    const send = (): void => {
      world.run({ do: "offer", pair: "a", size: 40 });
      world.run({ do: "leave" });
    };
    send();
    world.run({ do: "carry" });
    send();
    world.run({ do: "lose" });
    send();
    world.run({ do: "carry" }); // its account says that one is missing
    world.back = [];
    world.run({ do: "offer", pair: "a", size: 40 });
    world.calm();
    expect(world.offered.map(({ fate }) => fate)).toEqual(["arrived", "lost", "arrived", "arrived"]);
  });

  test("what nobody waits for any more makes room", () => {
    const world = new World();
    const fill = (): void => {
      for (let i = 0; i < 60; i++) world.run({ do: "offer", pair: "a", size: 150 });
    };
    fill(); // the window, and the queue behind it; the peer says nothing
    const before = world.offered.length;
    for (const each of world.offered) each.isWanted = false;
    fill();
    expect(world.offered.length).toBeGreaterThan(before);
    expect(world.out.waiting).toBeLessThanOrEqual(LIMITS.queueItems);
  });

  test("an epoch that is over does not come back", () => {
    const queue = new InQueue(IN_LIMITS);
    expect([queue.heard(1), queue.heard(2), queue.heard(1), queue.heard(2)]).toEqual(["same", "anew", "over", "same"]);
  });

  test("pieces of more messages than can be under way do not pile up", () => {
    const queue = new InQueue({ messageBytes: 10_000, ackBytes: 100 });
    for (let transfer = 1; transfer <= 3_000; transfer++)
      queue.piece(packChunk({ transfer, lane: "q", index: 0, count: 2, bytes: new Uint8Array(1) }));
    expect(queue.counts.dropped).toBeGreaterThanOrEqual(3_000 - 1_024);
  });
});

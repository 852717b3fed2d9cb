/**
 * Channels that are handed around by chance, between processes that are slow and that crash: each frame is begun once
 * and in order, each push arrives in order, and every incarnation is told of each channel in pairs of Open and Close.
 * A push is refused only to who did not wait for the answer, and went on with a channel that it had given away.
 */
import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  Address,
  Blob,
  Envelope,
  type Host,
  HTTP_SERVER,
  type Instance,
  type Program,
} from "../../../lib/protocol/index.ts";
import { nextLoop, openChannel, push, startNode, stopNodes, TRANSPORTS, until } from "../../support/channels.ts";
import type { TestNode } from "../../support/node.ts";
import { encodeFrame } from "../../support/sockets.ts";

const PLAYERS = ["a", "b", "c"].map((name) => `${name}:game:template.os`);

/** What the handler of one frame does, after it has pushed the frame's number back. */
type Deed = {
  /** Loop iterations that it takes. */
  readonly slow: number;
  /** Hands the channel over. */
  readonly goTo: number | null;
  /** Without waiting for the answer. */
  readonly blind: boolean;
  readonly crash: boolean;
};

/** One frame. `together`: it leaves the client in one write with the one before. */
type Sent = Deed & { readonly together: boolean };

const sent: fc.Arbitrary<Sent> = fc.record({
  slow: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3 })),
  goTo: fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, fc.integer({ min: 0, max: PLAYERS.length - 1 })),
  blind: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
  crash: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
  together: fc.boolean(),
});

/** What all processes of a node have seen. */
class Table {
  /** By channel, the numbers of frames as they were begun. */
  readonly begun = new Map<number, number[]>();
  /** By channel: how often somebody was told of its end by the client. */
  readonly ended = new Map<number, number>();
  /** By channel, pushes that were refused. */
  readonly refused = new Map<number, number>();
  /** What went wrong in a handler: a throw there would only be one more crash. */
  readonly wrong: string[] = [];
  /** Transfers that were done. */
  moves = 0;

  program(): Program {
    return { start: (host) => new Player(this, host) };
  }
}

/** One incarnation. */
class Player implements Instance {
  readonly #table: Table;
  readonly #host: Host;
  readonly #open = new Set<number>();
  readonly #server: Address;

  constructor(table: Table, host: Host) {
    this.#table = table;
    this.#host = host;
    this.#server = new Address(host.our.node, HTTP_SERVER);
  }

  push(channelId: number, _: unknown, blob: Blob): void | Promise<void> {
    const { n, ...deed } = blob.json() as Deed & { readonly n: number };
    if (!this.#open.has(channelId)) this.#wrong(`frame ${n} of a channel that is not open`);
    this.#table.begun.get(channelId)?.push(n);
    const reply = Blob.of(String(n));
    if (!this.#host.push(channelId, "Text", reply)) this.#host.tell(this.#server, push(channelId), reply);
    if (deed.slow > 0 || (deed.goTo !== null && !deed.blind)) return this.#slowly(channelId, deed);
    if (deed.goTo !== null) this.#host.tell(this.#server, this.#transfer(channelId, deed.goTo), null);
    if (deed.crash) throw new Error("told to");
    return undefined;
  }

  handle(message: Envelope): void | Promise<void> {
    if (message.kind !== "request") return undefined;
    const event = message.body as {
      readonly WebSocketOpen?: { readonly channel_id: number };
      readonly WebSocketPush?: { readonly channel_id: number };
      readonly WebSocketClose?: number;
    };
    if (event.WebSocketPush !== undefined)
      return this.push(event.WebSocketPush.channel_id, null, message.blob ?? Blob.of(""));
    const id = event.WebSocketOpen?.channel_id ?? event.WebSocketClose ?? 0;
    if (event.WebSocketOpen !== undefined) {
      if (this.#open.has(id)) this.#wrong("a second Open");
      this.#open.add(id);
      return undefined;
    }
    if (!this.#open.delete(id)) this.#wrong("a Close without its Open");
    const { transferred_to: to } = JSON.parse(message.metadata ?? "{}") as { readonly transferred_to?: string };
    if (to === undefined) this.#table.ended.set(id, (this.#table.ended.get(id) ?? 0) + 1);
    return undefined;
  }

  async #slowly(channelId: number, { slow, goTo, blind, crash }: Deed): Promise<void> {
    for (let loops = 0; loops < slow; loops++) await nextLoop();
    if (goTo !== null && blind) this.#host.tell(this.#server, this.#transfer(channelId, goTo), null);
    else if (goTo !== null) {
      const action = this.#transfer(channelId, goTo);
      const request = new Envelope("request", this.#host.our, this.#server, action, null);
      request.expectsResponse = 5;
      const { body } = await this.#host.call(request);
      const wanted = PLAYERS[goTo] === this.#host.our.id.text ? '{"Err":"MalformedRequest"}' : '{"Ok":null}';
      const isTooLate = '{"Err":"WsChannelNotFound"}'; // it gave it away before, blindly
      const result = JSON.stringify(body);
      if (result !== wanted && result !== isTooLate) this.#wrong(`a transfer ended with ${result}`);
      if (result === '{"Ok":null}') this.#table.moves++;
    }
    if (crash) throw new Error("told to");
  }

  #transfer(channel_id: number, goTo: number): unknown {
    return { WebSocketTransfer: { channel_id, to: PLAYERS[goTo] } };
  }

  #wrong(what: string): void {
    this.#table.wrong.push(`${this.#host.our.id.process}: ${what}`);
  }
}

async function play(on: TestNode, table: Table, hands: readonly (readonly Sent[])[]): Promise<void> {
  const channels = [];
  for (let n = 0; n < hands.length; n++) {
    const channel = await openChannel(on, { target_process: PLAYERS[n % PLAYERS.length] });
    table.begun.set(channel.id, []);
    channels.push(channel);
  }
  for (let n = 0; hands.some((hand) => n < hand.length); n++) {
    for (const [who, { client }] of channels.entries()) {
      const frame = hands[who]?.[n];
      if (frame === undefined) continue;
      client.write(encodeFrame("text", JSON.stringify({ ...frame, n })));
      if (!frame.together) await nextLoop();
    }
  }
  for (const [who, { client, id }] of channels.entries()) {
    const numbers = Array.from({ length: hands[who]?.length ?? 0 }, (_, n) => n);
    await until(() => (table.begun.get(id)?.length ?? 0) >= numbers.length);
    expect(table.begun.get(id)).toEqual(numbers);
    await until(() => PLAYERS.every((player) => isQuiet(on, player)));
    client.sendClose(1000);
    await until(() => table.ended.get(id) !== undefined);
    const heard: number[] = [];
    for (let frame = await client.nextFrame(); frame.kind === "text"; frame = await client.nextFrame())
      heard.push(Number(frame.payload.toString()));
    expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
    expect(heard.length + (table.refused.get(id) ?? 0)).toBe(numbers.length);
    if (!(hands[who] ?? []).some(({ blind }) => blind)) expect(heard).toEqual(numbers);
  }
  await until(() => PLAYERS.every((player) => isQuiet(on, player)));
  for (const { id } of channels) expect(table.ended.get(id)).toBe(1);
  expect(table.wrong).toEqual([]);
}

function isQuiet(on: TestNode, player: string): boolean {
  const process = on.node.kernel.registry.all().find(({ address }) => address.id.text === player);
  return process?.quiet === true && process.state === "running";
}

describe.each(TRANSPORTS)("%s", (transport) => {
  afterEach(stopNodes);

  test("whatever the order, each frame is begun once, in order, by who has the channel", async () => {
    const on = await startNode(transport, {
      nodeOptions: {
        limits: { restarts: 1000, restartWindow: 1, restartDelay: 1, restartDelayMax: 1, deadLetters: 10 },
      },
    });
    const table = new Table();
    on.node.kernel.events.listen((event) => {
      if (event.type !== "dead-letter" || event.letter.reason !== "refused") return;
      const { WebSocketPush: refused } = event.letter.body as {
        readonly WebSocketPush?: { readonly channel_id: number };
      };
      if (refused !== undefined)
        table.refused.set(refused.channel_id, (table.refused.get(refused.channel_id) ?? 0) + 1);
    });
    for (const player of PLAYERS) on.add(player, table.program(), { onExit: "Restart" });
    const hands = fc.array(fc.array(sent, { maxLength: 30, size: "max" }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(hands, (some) => play(on, table, some)),
      { numRuns: 40, interruptAfterTimeLimit: 20_000, markInterruptAsFailure: false },
    );
    expect(table.moves).toBeGreaterThan(0);
    expect(on.server.channels.size).toBe(0);
  }, 60_000);
});

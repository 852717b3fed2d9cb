/** Hostile peers that take their time: all at once, since each needs the seconds that a transport's own timers take. */
import { expect, test } from "@jest/globals";
import { encodeFrame, type RawSocket, requestHead, upgradeHead } from "../support/sockets.ts";
import { type Arena, VICTIM } from "./arena.ts";

const DRIP = 400; // ms between two bytes

/** `head` so: its request line at once, as uWebSockets.js takes one that is cut for another version of HTTP. */
async function dripHead(client: RawSocket, head: string): Promise<number> {
  const line = head.indexOf("\n") + 1;
  client.write(head.slice(0, line));
  return await drip(client, head.slice(line));
}

/** One byte after the other, until the server has ended it. @returns seconds it held out */
async function drip(client: RawSocket, bytes: Uint8Array | string): Promise<number> {
  const began = performance.now();
  let at = 0;
  const all = Buffer.from(bytes);
  const timer = setInterval(() => client.write(all.subarray(at, ++at)), DRIP);
  await client.ended;
  clearInterval(timer);
  return (performance.now() - began) / 1000;
}

/** Of the close frame, whatever comes before it: the error, and a ping where the node is slow. */
async function closeCode(client: RawSocket): Promise<number> {
  for (;;) {
    const { kind, payload } = await client.nextFrame();
    if (kind === "close") return payload.readUInt16BE(0);
  }
}

export function slowAttacks(arena: () => Arena): void {
  test("who takes his time is ended: heads, bodies, frames, registrations, silence", async () => {
    const COUNT = 20;
    const head = requestHead({ path: "/our.js", headers: { x: "y".repeat(1_000) } });
    const body = requestHead({ method: "POST", path: `/${VICTIM}/echo`, headers: { "content-length": "1000000" } });
    const kinds: Readonly<Record<string, () => Promise<number>>> = {
      "a head byte by byte": async () => dripHead(await arena().connect(), head),
      "a handshake byte by byte": async () =>
        dripHead(await arena().connect(), upgradeHead({ headers: { "x-pad": "y".repeat(1_000) } })),
      "a body of 1 MB byte by byte": async () => {
        const client = await arena().connect();
        client.write(body);
        return await drip(client, "x".repeat(1_000));
      },
      "a chunked body byte by byte": async () => {
        const client = await arena().connect();
        client.write(
          requestHead({ method: "POST", path: `/${VICTIM}/echo`, headers: { "transfer-encoding": "chunked" } }),
        );
        return await drip(client, "1\r\nx\r\n".repeat(500));
      },
      "a body that stops": async () => {
        const client = await arena().connect();
        client.write(`${body}half`);
        return await drip(client, "");
      },
      "a frame byte by byte": async () =>
        drip(await arena().channel(), encodeFrame("binary", new Uint8Array(100_000)).subarray(0, 1_000)),
      "a first message byte by byte": async () => {
        const client = await arena().connect();
        await client.upgrade();
        return await drip(client, encodeFrame("text", "x".repeat(1_000)));
      },
      "a channel that does not answer pings": async () => drip(await arena().channel(), ""),
    };
    await arena().under(
      `slow peers, ${Object.keys(kinds).length} kinds × ${COUNT}, and 2,000 connections that send nothing`,
      async () => {
        const silent: Promise<number>[] = [];
        await arena().connectMany(2_000, (client) => {
          const began = performance.now();
          silent.push(client.ended.then(() => (performance.now() - began) / 1000));
        });
        const told = await Promise.all(
          Object.entries(kinds).map(async ([what, attack]) => {
            const seconds = await Promise.all(Array.from({ length: COUNT }, attack));
            return `${what} ${Math.round(Math.max(...seconds))} s`;
          }),
        );
        told.push(`silence ${Math.round(Math.max(...(await Promise.all(silent))))} s`);
        return `ended after: ${told.join(", ")}`;
      },
    );
  });

  test("answers of 16 MB that nobody reads are cut, and what they held is free", async () => {
    const seen = await arena().under("20 requests for 16 MB that are not read", async () => {
      const clients = await Promise.all(Array.from({ length: 20 }, () => arena().connect()));
      for (const client of clients) {
        client.pause();
        client.write(requestHead({ path: `/${VICTIM}/large` }));
      }
      await arena().allEnded();
      return "cut after limits.httpReaderSeconds";
    });
    expect(seen.peakBytes).toBeLessThan(200 * 1024 * 1024); // 320 MB were asked for
  });

  test("2,000 sockets that never register are told so, and gone", async () => {
    const codes = new Map<number, number>();
    await arena().under("2,000 sockets that never register", async () => {
      const closes: Promise<unknown>[] = [];
      await arena().connectMany(2_000, async (client) => {
        await client.upgrade();
        closes.push(
          closeCode(client).then((code) => {
            codes.set(code, (codes.get(code) ?? 0) + 1);
            client.destroy();
          }),
        );
      });
      await Promise.all(closes);
      return "each closed with 4408";
    });
    expect([...codes]).toEqual([[4408, 2_000]]);
  });
}

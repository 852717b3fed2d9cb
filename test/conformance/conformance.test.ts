/**
 * RFC 6455 and RFC 7692 on the wire, over both transports: the groups of the Autobahn test suite, in cases of our own.
 * Handshakes have their own test, ../http-server/transport/handshake.test.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { stopNodes, TRANSPORTS } from "../support/channels.ts";
import { deflate } from "../support/deflate.ts";
import { P } from "../support/node.ts";
import { RawSocket } from "../support/sockets.ts";
import { expected } from "./case.ts";
import { countsTable, deviationsTable } from "./counts.ts";
import { DEVIATIONS } from "./deviations.ts";
import { describeFrame, frame, OPCODE, said } from "./frames.ts";
import { GROUPS } from "./groups.ts";
import { OFFERS } from "./offers.ts";
import { type Server, startServer } from "./run.ts";

const RSV1 = 4;

describe.each(TRANSPORTS)("%s", (transport) => {
  let server: Server;

  beforeAll(async () => {
    server = await startServer(transport);
  });
  afterAll(stopNodes);

  describe.each(GROUPS.map((group) => [group.id, group] as const))("group %s", (_, { cases }) => {
    test.each(cases.map((each) => [each.id, each.what, each] as const))("%s %s", async (_id, _what, each) => {
      expect(await server.run(each)).toEqual(expected(each, transport));
    });
  });

  describe("group 13", () => {
    test.each(OFFERS.map((each) => [each.id, each.offer, each] as const))(
      "%s an offer of %j",
      async (_id, _offer, each) => {
        const client = await RawSocket.connect(server.on.port);
        const headers = { "sec-websocket-extensions": each.offer };
        const answer = await client.upgrade({ path: `/${P}/deflate`, headers });
        const selected = answer.headers["sec-websocket-extensions"] ?? "";
        expect(selected.split("; ").sort().join(", ")).toBe(each.answer);
        const isTaken = each.answer !== "";
        client.write(frame(OPCODE.text, isTaken ? deflate("Hello") : "Hello", { reserved: isTaken ? RSV1 : 0 }));
        expect(describeFrame(await client.nextFrame())).toBe(said("text", "Hello"));
        client.destroy();
      },
    );
  });
});

describe("documents", () => {
  const read = (name: string): string => readFileSync(join(import.meta.dirname, "../..", name), "utf8");

  test("docs/conformance.md says how many cases there are, and how many meet each deviation", () => {
    expect(read("docs/conformance.md")).toContain(countsTable());
    expect(read("docs/conformance.md")).toContain(deviationsTable());
  });

  test("each deviation is met by a case, and PROTOCOL.md lists those and no others", () => {
    expect(deviationsTable()).not.toMatch(/ 0 \|$/m);
    const [, section = ""] = read("PROTOCOL.md").split("## 14. Where the transports differ");
    const rows = [...section.matchAll(/^\| `(\w+)` \| (uWebSockets\.js|ws) \|/gm)].map(([, name, of]) => [
      name,
      of === "ws" ? "ws" : "uws",
    ]);
    expect(rows).toEqual(Object.entries(DEVIATIONS));
  });

  test("no two cases have one number", () => {
    const ids = [...GROUPS.flatMap(({ cases }) => cases), ...OFFERS].map(({ id }) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
  });
});

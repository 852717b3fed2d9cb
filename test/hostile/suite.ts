/** The hostile suite over one transport: a node of default limits, and one whose patience is short. */
import { afterAll, beforeAll, describe, jest } from "@jest/globals";
import type { TransportName } from "../../http-server/index.ts";
import { Arena, endArenas } from "./arena.ts";
import { frameAttacks } from "./frames.ts";
import { httpAttacks } from "./http.ts";
import { slowAttacks } from "./slow.ts";

/** Seconds, where the defaults are minutes; the transports' own times are fixed. */
const IMPATIENT = {
  registerDeadline: 1_000,
  idleTimeout: 8,
  messageSeconds: 8,
  httpPaceSeconds: 5,
  httpReaderSeconds: 5,
};

jest.setTimeout(120_000); // ms: each takes some seconds on a quiet machine, only the slow peers 30; CI was three times as slow

export function hostileSuite(transport: TransportName): void {
  const within = (limits: Readonly<Record<string, number>>, attacks: (arena: () => Arena) => void): void => {
    let arena: Arena;
    beforeAll(async () => {
      arena = await Arena.open({ transport, limits });
    });
    afterAll(endArenas);
    attacks(() => arena);
  };
  describe(`${transport}, HTTP`, () => within({}, httpAttacks));
  describe(`${transport}, sockets`, () => within({}, frameAttacks));
  describe(`${transport}, slow peers`, () => within(IMPATIENT, slowAttacks));
}

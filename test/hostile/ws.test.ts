/** The hostile suite over ws: a node of default limits, and one whose patience is short. */
import { afterAll, beforeAll, describe, jest } from "@jest/globals";
import { Arena } from "./arena.ts";
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

jest.setTimeout(60_000); // ms: each takes some seconds on a quiet machine; only the slow peers take 30

function within(limits: Readonly<Record<string, number>>, attacks: (arena: () => Arena) => void): void {
  let arena: Arena;
  beforeAll(async () => {
    arena = await Arena.open({ transport: "ws", limits });
  });
  afterAll(() => arena.close());
  attacks(() => arena);
}

describe("ws, HTTP", () => within({}, httpAttacks));
describe("ws, sockets", () => within({}, frameAttacks));
describe("ws, slow peers", () => within(IMPATIENT, slowAttacks));

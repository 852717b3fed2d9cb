/** Which publishes have arrived where, and when the next may leave. */
import { describe, expect, test } from "@jest/globals";
import { Ledger } from "../../bench/crowd/ledger.ts";

const nobody = (): void => undefined;

describe("Ledger.due", () => {
  test("is true before the first batch, and false until one of it has arrived anywhere", () => {
    const ledger = new Ledger(2, 3);
    expect(ledger.due).toBe(true);
    ledger.send();
    expect(ledger.due).toBe(false);
    ledger.arrived(1, 1, 0, nobody);
    expect(ledger.due).toBe(true);
  });

  test("is false while two batches are on their way, until the first is everywhere", () => {
    const ledger = new Ledger(2, 2);
    ledger.send();
    ledger.arrived(0, 2, 0, nobody);
    ledger.send();
    ledger.arrived(0, 2, 0, nobody); // one receiver has both batches
    ledger.arrived(1, 1, 0, nobody);
    expect(ledger.due).toBe(false);
    ledger.arrived(1, 1, 0, nobody);
    expect(ledger.due).toBe(true);
  });

  test("is false when the first batch is everywhere but nothing of the second has come", () => {
    const ledger = new Ledger(1, 2);
    ledger.send();
    ledger.arrived(0, 1, 0, nobody);
    ledger.send();
    ledger.arrived(0, 1, 0, nobody);
    expect(ledger.due).toBe(false);
  });
});

describe("Ledger.arrived()", () => {
  test("tells the spread of each publish once it is everywhere: from its first receiver to its last", () => {
    const ledger = new Ledger(3, 2);
    const spreads: number[] = [];
    const onComplete = (ms: number): void => {
      spreads.push(ms);
    };
    ledger.send();
    ledger.arrived(0, 1, 10, onComplete);
    ledger.arrived(1, 2, 11, onComplete);
    ledger.arrived(0, 1, 12, onComplete);
    expect(spreads).toEqual([]);
    ledger.arrived(2, 2, 15, onComplete);
    expect(spreads).toEqual([5, 4]);
  });

  test("starts anew for the publish that takes another's place", () => {
    const ledger = new Ledger(2, 1);
    const spreads: number[] = [];
    for (let publish = 0; publish < 5; publish += 1) {
      ledger.send();
      ledger.arrived(0, 1, 100 * publish, nobody);
      ledger.arrived(1, 1, 100 * publish + publish, (ms) => spreads.push(ms));
    }
    expect(spreads).toEqual([0, 1, 2, 3, 4]);
  });

  test("throws when a receiver gets more than was sent", () => {
    const ledger = new Ledger(2, 2);
    ledger.send();
    expect(() => ledger.arrived(1, 3, 0, nobody)).toThrow(
      "Cannot count for receiver 1 as 2 publishes were sent: got 3",
    );
  });
});

describe("Ledger.settled", () => {
  test("is false while a receiver misses one", () => {
    const ledger = new Ledger(2, 2);
    expect(ledger.settled).toBe(true);
    ledger.send();
    ledger.arrived(0, 2, 0, nobody);
    ledger.arrived(1, 1, 0, nobody);
    expect(ledger.settled).toBe(false);
    ledger.arrived(1, 1, 0, nobody);
    expect(ledger.settled).toBe(true);
  });
});

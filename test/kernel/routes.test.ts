/** Where a process has sent before: remembered for one epoch, whoever was found last. */
import { describe, expect, test } from "@jest/globals";
import type { Process } from "../../kernel/process.ts";
import { Routes } from "../../kernel/routes.ts";
import { Address } from "../../lib/protocol/index.ts";

const processes = Array.from("abcd", (letter) => {
  const address = Address.parse(`alice.os@${letter}:p:q`);
  return { address } as Process; // nothing else of it is looked at
});

function routesOf(epoch: number, known: readonly Process[]): Routes {
  const routes = new Routes();
  for (const process of known) routes.add(process.address, process, epoch);
  return routes;
}

describe("Routes", () => {
  test("finds each that was added, in whatever order they are asked for", () => {
    const routes = routesOf(1, processes);
    for (const at of [0, 1, 0, 1, 3, 2, 0, 3, 3, 2, 1, 0])
      expect(routes.find(processes[at]?.address as Address, 1)).toBe(processes[at]);
  });

  test("finds each in a later epoch, too: also the one that began it", () => {
    const routes = routesOf(1, processes);
    for (const process of processes) routes.add(process.address, process, 2);
    expect(processes.map(({ address }) => routes.find(address, 2))).toEqual(processes);
  });

  test("finds nobody in another epoch, and of the one before nobody when the next has begun", () => {
    const [a, b, c] = processes as [Process, Process, Process];
    const routes = routesOf(1, [a, b]);
    expect([a, b].map(({ address }) => routes.find(address, 2))).toEqual([null, null]);
    routes.add(c.address, c, 2);
    expect([a, b, c].map(({ address }) => routes.find(address, 2))).toEqual([null, null, c]);
  });

  test("finds by the object, not by what it says", () => {
    const [a] = processes as [Process];
    const routes = routesOf(1, [a]);
    expect(routes.find(Address.parse(a.address.text), 1)).toBeNull();
  });
});

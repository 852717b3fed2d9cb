/**
 * Random families: whoever is spawned, linked, monitored, stopped, restarted and crashed in whatever order, at rest
 *
 * 1. no child outlives the incarnation, or the parent, that its lifetime names;
 * 2. nobody lives on who is linked to one that crashed for good;
 * 3. a monitor has told of the end for good once, if its incarnation lives, and of nothing after it; one of a name that
 *    nobody has had yet has told so at once, and of nothing that comes by that name later;
 * 4. when all have ended, nothing is left of them.
 */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { restartByHand } from "../../kernel/restart-by-hand.ts";
import { type Lifetime, ProcessId } from "../../lib/protocol/index.ts";
import { type FamilyTest, member, startFamily } from "../support/family.ts";
import { settle } from "../support/kernel.ts";

type Action =
  | { readonly do: "spawn"; readonly at: number; readonly lifetime: Lifetime; readonly onExit: "None" | "Restart" }
  | { readonly do: "throw" | "exit" | "kill" | "hang" | "stubborn" | "restart" | "stop" | "link"; readonly at: number }
  | { readonly do: "monitor"; readonly at: number; readonly other: number }
  | { readonly do: "wait"; readonly ms: number };

const at = fc.nat(11); // whom: the one of that number, counted round
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("spawn" as const),
      at,
      lifetime: fc.constantFrom<Lifetime>("incarnation", "incarnation", "parent", "node"),
      onExit: fc.constantFrom("None" as const, "Restart" as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("throw", "throw", "exit", "kill", "hang", "stubborn", "restart", "stop", "link", "link"),
      at,
    }) as fc.Arbitrary<Action>,
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("monitor" as const), at, other: at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(10, 300, 1_200) }) },
);

type Born = { readonly parent: string; readonly lifetime: Lifetime };

type Watched = {
  readonly watcher: string;
  readonly incarnation: number;
  readonly target: string;
  /** False: who is to spawn it was told so, and has not come to it. */
  readonly isBorn: boolean;
};

class Run {
  readonly family: FamilyTest = startFamily({ limits: { farewell: 500, restarts: 3 } }, "Restart");
  readonly names: string[] = ["a"];
  readonly born = new Map<string, Born>();
  readonly linked: (readonly [string, string])[] = [];
  readonly watched: Watched[] = [];

  incarnation(name: string): number {
    return this.#process(name)?.incarnation ?? 0;
  }

  lives(name: string): boolean {
    return this.#process(name) !== undefined;
  }

  async act(action: Action): Promise<void> {
    if (action.do === "wait") return this.family.advance(action.ms);
    const name = this.names[action.at % this.names.length] ?? "a";
    if (this.family.state(name) !== "running" && action.do !== "kill") return; // nobody to do it
    const parent = this.born.get(name)?.parent ?? "nobody";
    switch (action.do) {
      case "spawn": {
        const { lifetime, onExit } = action;
        const child = `p${this.names.length}`;
        this.names.push(child);
        this.born.set(child, { parent: name, lifetime });
        return this.family.order(name, { spawn: [{ name: child, lifetime, onExit }] });
      }
      case "throw":
      case "exit":
      case "hang":
        return this.family.order(name, { does: action.do });
      case "kill":
        this.family.kill(name);
        return settle();
      case "stubborn":
        this.family.stubborn.add(name);
        return;
      case "restart": {
        const process = this.#process(name);
        if (process !== undefined) void restartByHand(this.family.node.kernel, process);
        return settle();
      }
      case "stop":
        if (this.family.state(parent) === "running")
          void this.family
            .ctx(parent)
            .stopChild(member(name))
            .catch(() => undefined); // no child of lifetime "node"
        return settle();
      case "link":
        if (this.family.state(parent) !== "running") return;
        await this.family
          .ctx(parent)
          .link(member(name))
          .then(
            () => this.linked.push([parent, name]),
            () => undefined,
          );
        return;
      case "monitor": {
        const target = this.names[action.other % this.names.length] ?? "a";
        if (target === name) return;
        const incarnation = this.incarnation(name);
        const isBorn = this.lives(target) || this.family.log.includes(`start ${target}`);
        await this.family.ctx(name).monitor(member(target));
        this.watched.push({ watcher: name, incarnation, target, isBorn });
      }
    }
  }

  /** All that hang are ended, all that is due has happened. */
  async rest(): Promise<void> {
    await this.family.advance(8_000);
  }

  #process(name: string) {
    return this.family.node.kernel.registry.get(ProcessId.parse(member(name)));
  }
}

function checkLifetimes(run: Run): void {
  for (const [name, { parent, lifetime }] of run.born) {
    if (!run.lives(name) || lifetime === "node") continue;
    expect([name, parent, run.lives(parent)]).toEqual([name, parent, true]);
    if (lifetime === "incarnation")
      expect([name, parent, run.incarnation(parent)]).toEqual([name, parent, run.family.spawnedBy.get(name)]);
  }
}

function checkLinks(run: Run): void {
  const gaveUp = run.family.events.flatMap((event) => (event.type === "process-gave-up" ? [event.process] : []));
  const failed = run.family.events.flatMap((event) =>
    event.type === "process-gone" && (event.why === "crash" || event.why === "link") ? [event.process] : [],
  );
  for (const [a, b] of run.linked) {
    const hasFailed = [a, b].map((name) => [...failed, ...gaveUp].includes(member(name)));
    if (hasFailed.includes(true)) expect([a, run.lives(a), b, run.lives(b)]).toEqual([a, false, b, false]);
  }
}

function checkMonitors(run: Run): void {
  for (const { watcher, incarnation, target, isBorn } of run.watched) {
    const isSame = (one: { readonly watcher: string; readonly incarnation: number }): boolean =>
      one.watcher === watcher && one.incarnation === incarnation;
    const all = run.family.downs.filter((one) => isSame(one) && one.down.process === member(target));
    const early = run.watched.filter((one) => isSame(one) && one.target === target && !one.isBorn).length;
    expect(all.slice(0, early).every(({ down }) => down.reason === "gone")).toBe(true);
    const told = all.slice(early);
    const last = told.filter(({ down }) => !down.restarts && down.reason !== "gone");
    expect(last.length).toBeLessThanOrEqual(1);
    const isThere = run.family.state(watcher) === "running" && run.incarnation(watcher) === incarnation;
    const knows = told.some(({ down }) => !down.restarts);
    if (isThere && !isBusy(run, watcher)) {
      expect(all.length).toBeGreaterThanOrEqual(early);
      if (isBorn) expect([watcher, target, knows]).toEqual([watcher, target, !run.lives(target)]);
    }
    const end = told.findIndex(({ down }) => !down.restarts);
    if (end >= 0) expect(told.slice(end + 1).every(({ down }) => down.reason === "gone")).toBe(true);
  }
}

/** Hangs in a handler: what it was told waits. */
function isBusy(run: Run, name: string): boolean {
  const process = run.family.node.kernel.registry.get(ProcessId.parse(member(name)));
  return process?.quiet !== true;
}

test("whatever happens in whatever order, families end as their lifetimes, links and monitors say", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const run = new Run();
      await settle();
      for (const one of actions) await run.act(one);
      await run.rest();
      checkLifetimes(run);
      checkLinks(run);
      checkMonitors(run);
      for (const name of run.names) run.family.kill(name);
      await run.rest();
      const { registry, family, monitors, links } = run.family.node.kernel;
      expect([registry.size, family.size, monitors.size, links.size]).toEqual([1, 0, 0, 0]);
    }),
    // What fails is printed as it is: to shrink it takes half a minute, and more than jest has on a busy machine.
    { numRuns: 60, endOnFailure: true, timeout: 20_000 },
  );
});

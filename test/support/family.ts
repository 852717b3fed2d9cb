/** Processes that spawn others when they are told to, and a log of how they ended. */
import { type Context, type Down, defineProcess } from "../../lib/process/index.ts";
import { Address, Envelope, ProcessId, type Program, type SpawnOptions } from "../../lib/protocol/index.ts";
import { A } from "./cast.ts";
import { settle, startKernel, stateOf, type TestKernel, type TestKernelOptions } from "./kernel.ts";

/** `spawn` each in turn, then do what `does` says. */
export type Order = {
  readonly spawn?: readonly Spawned[];
  readonly does?: "throw" | "exit" | "hang";
};
export type Spawned = Pick<SpawnOptions, "onExit" | "lifetime" | "restart"> & { readonly name: string };

/** The process id of a member. */
export const member = (name: string): string => `${name}:a-package:template.os`;

export type FamilyTest = TestKernel & {
  /** What happened, oldest first: `start c1`, `bye c1` for its onExit. */
  readonly log: string[];
  /** What each was told by its monitors, oldest first. */
  readonly downs: readonly { readonly watcher: string; readonly incarnation: number; readonly down: Down }[];
  /** Which incarnation of its parent spawned each, by name. */
  readonly spawnedBy: ReadonlyMap<string, number>;
  /** A request from outside to `name` of A's package; in order, each done before the next. */
  order(name: string, order: Order): Promise<void>;
  state(name: string): string | undefined;
  kill(name: string): void;
  /** What the newest incarnation of a member can do. */
  ctx(name: string): Context;
  /** Names of those whose onExit is to take for ever. */
  readonly stubborn: Set<string>;
};

const OUTSIDE = Address.parse("alice.os@tester:tester:sys");

/** A node with A, a member of the family of any name it spawns: all run the same program. */
export function startFamily(options: TestKernelOptions = {}, onExit: "None" | "Restart" = "None"): FamilyTest {
  const log: string[] = [];
  const stubborn = new Set<string>();
  const downs: { readonly watcher: string; readonly incarnation: number; readonly down: Down }[] = [];
  const spawnedBy = new Map<string, number>();
  const incarnationOf = ({ our }: Context): number => kernel.node.kernel.registry.get(our.id)?.incarnation ?? 0;
  const contexts = new Map<string, Context>();
  const kernel = startKernel(options);
  const each: Program = defineProcess({
    init(ctx) {
      const name = ctx.our.id.process;
      log.push(`start ${name}`);
      contexts.set(name, ctx as Context);
    },
    async onRequest(_state, { body }, ctx) {
      const { spawn = [], does } = body as Order;
      for (const one of spawn) {
        spawnedBy.set(one.name, incarnationOf(ctx as Context));
        await ctx.spawn({ ...one, program: each });
      }
      if (does === "throw") throw new Error("told to");
      if (does === "exit") ctx.exit();
      if (does === "hang") await new Promise(() => undefined);
    },
    onDown(_state, down, ctx) {
      const watcher = ctx.our.id.process;
      downs.push({ watcher, incarnation: incarnationOf(ctx as Context), down });
    },
    async onExit(_state, ctx) {
      const name = ctx.our.id.process;
      log.push(`bye ${name}`);
      if (stubborn.has(name)) await new Promise(() => undefined);
    },
  });
  kernel.add(A, each, { onExit, public: true });
  const id = (name: string): ProcessId => ProcessId.parse(member(name));
  return {
    ...kernel,
    log,
    stubborn,
    downs,
    spawnedBy,
    ctx(name) {
      const ctx = contexts.get(name);
      if (ctx === undefined) throw new Error(`"${name}" has not started`);
      return ctx;
    },
    state: (name) => stateOf(kernel, member(name)),
    kill: (name) => kernel.node.kernel.registry.get(id(name))?.kill(),
    async order(name, body) {
      const target = kernel.node.kernel.registry.get(id(name));
      if (target === undefined) throw new Error(`there is no process "${name}"`);
      target.post(new Envelope("request", OUTSIDE, target.address, body, null));
      await settle();
    },
  };
}

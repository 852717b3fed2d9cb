/**
 * Nodes that are linked, for tests: who asks, who answers, and how each request ended.
 *
 *   const alice = await linkedNode(wire, "alice.os");
 *   const ctx = await addAsker(alice);
 *   await addAnswerer(bob, (body) => body);
 *   expect(await ask(ctx, "bob.os", 1)).toBe(1);
 *   afterEach(stopLinkedNodes);
 */
import { createNode, type Node, type NodeOptions } from "../../kernel/index.ts";
import { KERNEL_LIMITS } from "../../kernel/limits.ts";
import type { Wire } from "../../kernel/link/wire.ts";
import { type Context, defineProcess } from "../../lib/process/index.ts";
import { ProcessId, SendError } from "../../lib/protocol/index.ts";

export const ASKER = "a:chat:template.os";
export const ANSWERER = "b:chat:template.os";
/** ms: as a node that is started has it, for a machine that is busy. */
export const PATIENCE_MS: number = KERNEL_LIMITS.linkStart.value;
const NETWORK = { process: "kernel:distro:sys", params: "network" };

const nodes = new Set<Node>();

export async function linkedNode(wire: Wire, name: string, options: Partial<NodeOptions> = {}): Promise<Node> {
  const node = createNode({ name, ...options, limits: { drain: 100, ...options.limits } });
  nodes.add(node);
  await node.link(wire);
  return node;
}

/** @param answer what it says to a body; undefined: nothing */
export async function addAnswerer(
  node: Node,
  answer: (body: unknown, ctx: Context) => unknown = (body) => body,
  id: string = ANSWERER,
): Promise<Context> {
  let ctx: Context | undefined;
  const program = defineProcess({
    init: (own) => {
      ctx = own as Context;
    },
    onRequest: (_, message, own) => {
      const said = answer(message.body, own as Context);
      if (message.rsvp !== null && said !== undefined) own.respond(said);
    },
  });
  node.addProcess(ProcessId.parse(id), program, { requestCapabilities: [NETWORK] });
  await null;
  if (ctx === undefined) throw new Error("its init has not run");
  return ctx;
}

export async function addAsker(node: Node): Promise<Context> {
  return await addAnswerer(node, undefined, ASKER);
}

/** @returns the answer's body, or the kind of its error */
export async function ask(ctx: Context, node: string, body: unknown, seconds = 3600, id = ANSWERER): Promise<unknown> {
  try {
    const request = ctx.request(`${node}@${id}`).body(body).expectsResponse(seconds);
    return (await request.sendAndAwaitResponse()).body;
  } catch (error) {
    if (error instanceof SendError) return error.kind;
    throw error;
  }
}

/** For afterEach. */
export async function stopLinkedNodes(): Promise<void> {
  for (const node of nodes) await node.stop();
  nodes.clear();
}

/** What the tests of examples share: a package on a real node, and a client registered with one of its processes. */
import { fileURLToPath } from "node:url";
import { startTestNode, type TestNode } from "../support/node.ts";
import { RawSocket } from "../support/sockets.ts";

export function exampleFolder(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
}

/** @returns the node with the example loaded; stop it */
export async function nodeWith(name: string): Promise<TestNode> {
  const node = await startTestNode();
  await node.node.addPackage(exampleFolder(name));
  return node;
}

export type Registered = { readonly socket: RawSocket; readonly channelId: number };

/** Connects on the main route and registers, as the browser client does. */
export async function register(node: TestNode, process: string): Promise<Registered> {
  const socket = await RawSocket.connect(node.port);
  await socket.upgrade();
  socket.sendText(JSON.stringify({ auth_token: node.token, target_process: process, encrypted: false }));
  const { channel_id: channelId } = JSON.parse(await socket.nextText()) as { channel_id: number };
  return { socket, channelId };
}

export async function nextJson(socket: RawSocket): Promise<unknown> {
  return JSON.parse(await socket.nextText());
}

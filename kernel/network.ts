/** What lets a process message other nodes, and be messaged by them (contract kinode §4). */
import { type Capability, type Envelope, isOnBehalf, isWholly, KERNEL } from "../lib/protocol/index.ts";
import type { Process } from "./process.ts";

const NETWORK = '"network"';

export function networkCapability(node: string): Capability {
  return { issuer: `${node}@${KERNEL.text}`, params: NETWORK };
}

/** A process that passes on what another asked for leaves the node by that one's right, attached, not by its own. */
export function mayLeave(node: string, request: Envelope, from: Process): boolean {
  const { issuer } = networkCapability(node);
  const allows = (cap: Capability): boolean => cap.issuer === issuer && isWholly(cap, NETWORK);
  if (isOnBehalf(request)) return request.capabilities.some(allows);
  return from.capabilities.has(networkCapability(node)) || from.capabilities.list().some(allows);
}

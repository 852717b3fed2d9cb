/** What lets a process message other nodes, and be messaged by them (contract kinode §4). */
import { type Capability, type Envelope, isOnBehalf, isWholly, KERNEL, MESSAGING } from "../lib/protocol/index.ts";
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

/**
 * Whether `target` takes a message of another node: it may use the network, and is public, or of the sender's package, or
 * judges such messages itself; or the message brings its own messaging capability. (The contract asks for the network
 * capability alone, so that any process of any node may message each that has it: kinode §4.)
 */
export function mayBeReached(node: string, target: Process, { source, capabilities }: Envelope): boolean {
  if (target.judgesNodes) return true;
  if (!target.capabilities.has(networkCapability(node))) return false;
  const { id, text } = target.address;
  const isSamePackage = id.package === source.id.package && id.publisher === source.id.publisher;
  return target.public || isSamePackage || capabilities.some((cap) => cap.issuer === text && isWholly(cap, MESSAGING));
}

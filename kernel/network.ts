/** What lets a process message other nodes, and be messaged by them (contract kinode §4). */
import {
  type Address,
  type Capability,
  type CapabilityRequest,
  canonicalId,
  capabilityKey,
  type Envelope,
  isOnBehalf,
  isWholly,
  KERNEL,
  type ProcessId,
} from "../lib/protocol/index.ts";
import type { Process } from "./process.ts";

const NETWORK = '"network"';

export function networkCapability(node: string): Capability {
  return { issuer: `${node}@${KERNEL.text}`, params: NETWORK };
}

let keyed = { node: "", key: "" }; // of the node that asked last: nearly always the only one

/** To make it parses and sorts JSON: 1 µs, for each message to another node and from one. */
function networkKey(node: string): string {
  if (keyed.node !== node) keyed = { node, key: capabilityKey(networkCapability(node)) };
  return keyed.key;
}

/** Whether a manifest's request is for it. */
export function isNetwork(request: CapabilityRequest): boolean {
  if (typeof request === "string" || JSON.stringify(request.params) !== NETWORK) return false;
  return canonicalId(request.process.slice(request.process.indexOf("@") + 1)) === KERNEL.text;
}

/** A process that passes on what another asked for leaves the node by that one's right, attached, not by its own. */
export function mayLeave(node: string, request: Envelope, from: Process): boolean {
  const isOthers = isOnBehalf(request);
  if (!isOthers && from.capabilities.hasKey(networkKey(node))) return true;
  const { issuer } = networkCapability(node);
  const held = isOthers ? request.capabilities : from.capabilities.list();
  return held.some((cap) => cap.issuer === issuer && isWholly(cap, NETWORK));
}

/**
 * Whether `target` takes a message of another node: it may use the network, and is public, or of the sender's package, or
 * judges such messages itself. A messaging capability that the message brings is nobody's word: it is this node's, and
 * left out as it comes. (The contract asks for the network capability alone, so that any process of any node may message
 * each that has it: kinode §4.)
 */
export function mayBeReached(node: string, target: Process, { source }: Pick<Envelope, "source">): boolean {
  if (target.judgesNodes) return true;
  if (!target.capabilities.hasKey(networkKey(node))) return false;
  return mayBeNamed(target.address.id, target.public, source);
}

/** The same of a name that no process has yet. */
export function mayBeNamed(id: ProcessId, isPublic: boolean, source: Address): boolean {
  return isPublic || (id.package === source.id.package && id.publisher === source.id.publisher);
}

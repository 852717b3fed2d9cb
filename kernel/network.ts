import { type Capability, KERNEL } from "../lib/protocol/index.ts";

/** What lets a process message other nodes, and be messaged by them (contract kinode §4). */
export function networkCapability(node: string): Capability {
  return { issuer: `${node}@${KERNEL.text}`, params: '"network"' };
}

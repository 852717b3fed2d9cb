/**
 * The node's own processes (kernel, http-server, state: `distro:sys`) take no channels: the http-server may message
 * them all, and would take a client's frames for actions itself.
 */
import type { Process } from "../kernel/index.ts";

/** @param self the http-server */
export function isNodesOwn(process: Process, self: Process): boolean {
  const { id } = process.address;
  const { id: own } = self.address;
  return id.package === own.package && id.publisher === own.publisher;
}

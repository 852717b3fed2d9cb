/** What can be wrong with processes of the cluster, as errors that say what to do. */
import { KernelError } from "../../lib/protocol/index.ts";

/**
 * - `too_many_programs`: more than a node's record in the directory can say. `not_told`: it is not known who holds a name.
 * - `lease`: this node could not write in time. `fenced`: another node has the name now; what was to be kept is not.
 * - `not_kept`: it is not known whether it was.
 */
export type ClusterFault = "too_many_programs" | "not_told" | "lease" | "fenced" | "not_kept";

export class ClusterError extends KernelError {
  override readonly name = "ClusterError";
  readonly fault: ClusterFault;

  constructor(fault: ClusterFault, act: string, what: string, rule: string, options?: ErrorOptions) {
    super(fault, `Cannot ${act} "${what}" as ${rule}`, options);
    this.fault = fault;
  }
}

/** What can be wrong with a link, as errors that say what to do. */
import { KernelError } from "../../lib/protocol/index.ts";

/** A frame that cannot be read. Whoever sent it is named where it is reported. */
export class FrameError extends KernelError {
  override readonly name = "FrameError";

  constructor(rule: string, options?: ErrorOptions) {
    super("bad_frame", `Cannot read a frame of another node as ${rule}`, options);
  }
}

/** A link that cannot be had, or was refused. */
export class LinkError extends KernelError {
  override readonly name = "LinkError";

  constructor(where: string, rule: string, options?: ErrorOptions) {
    super("no_link", `Cannot link to "${where}" as ${rule}`, options);
  }
}

/** There is no directory; the node is linked all the same. */
export class DirectoryError extends KernelError {
  override readonly name = "DirectoryError";

  constructor(where: string, rule: string, options?: ErrorOptions) {
    super("directory", `Cannot keep a directory in "${where}" as ${rule}`, options);
  }
}

/** What a cluster's nodes may not make could not be made for them. What was made until then stays. */
export class SetUpError extends KernelError {
  override readonly name = "SetUpError";

  constructor(where: string, rule: string, options?: ErrorOptions) {
    super("set_up", `Cannot set up "${where}" as ${rule}`, options);
  }
}

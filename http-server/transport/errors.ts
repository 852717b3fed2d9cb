import { KernelError } from "../../lib/protocol/index.ts";

/** A port could not be opened. Choose another, or find who holds it. */
export class ListenError extends KernelError {
  override readonly name = "ListenError";
  readonly port: number;
  constructor(host: string, port: number, options?: ErrorOptions) {
    super(
      "port_unavailable",
      `Cannot listen on "${host}:${port}" as the port is taken or not allowed, or the address is not this machine's: choose another with --port, --mount or --host`,
      options,
    );
    this.port = port;
  }
}

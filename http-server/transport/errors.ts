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

/** TLS cannot be served with a file. At a reload the certificate before it stays in use. */
export class TlsError extends KernelError {
  override readonly name = "TlsError";
  readonly file: string;
  /** @param rule what is asked, what is there, and the way out */
  constructor(file: string, rule: string, options?: ErrorOptions) {
    super("tls_unusable", `Cannot serve TLS with "${file}" as ${rule}`, options);
    this.file = file;
  }
}

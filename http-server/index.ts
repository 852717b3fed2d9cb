/** The http-server: browsers in, messages out. The only file of this folder that others import. */
export { HTTP_SERVER_LIMITS, type HttpServerLimitName, type HttpServerLimits } from "./limits.ts";
export { type ListenerOptions, parseMount } from "./listening.ts";
export { fromPackageRoot } from "./package-root.ts";
export { HttpServer, type HttpServerOptions } from "./server.ts";
export { ListenError, TlsError } from "./transport/errors.ts";
export type { Tls, TlsFiles } from "./transport/tls.ts";
export type { TransportName } from "./transport/transport.ts";

import type { Node } from "../kernel/index.ts";
import { HttpServer, type HttpServerOptions } from "./server.ts";

/** Starts http-server:distro:sys on `node` and opens its ports. @throws {OptionError} @throws {ListenError} */
export function startHttpServer(node: Node, options: HttpServerOptions = {}): Promise<HttpServer> {
  return HttpServer.start(node, options);
}

/** A whole node for one test: real sockets on loopback, everything in memory, named alice.os as in the contract's cases. */
import { type HttpServer, type HttpServerOptions, startHttpServer } from "../../http-server/index.ts";
import { type AddProcessOptions, createNode, type Node, type NodeOptions, type Process } from "../../kernel/index.ts";
import { ProcessId, type Program } from "../../lib/protocol/index.ts";
import { stateProcess } from "../../processes/state/state.ts";
import { memoryStore } from "../../processes/state/store.ts";

/** P and Q of the contract's acceptance cases (kinode §10). */
export const P = "my-package:my-package:template.os";
export const Q = "other:other:template.os";

const HTTP_SERVER = "http-server:distro:sys";

export type TestNode = {
  readonly node: Node;
  readonly server: HttpServer;
  readonly port: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** A session token, good everywhere. */
  readonly token: string;
  /** A Cookie header that logs in. */
  readonly cookie: string;
  /** Runs `program` under `id`, allowed to message the http-server and the other way round, unless `options` say otherwise. */
  add(id: string, program: Program, options?: AddProcessOptions): Process;
  stop(): Promise<void>;
};

export type TestNodeOptions = HttpServerOptions & { readonly nodeOptions?: Partial<NodeOptions> };

/** Always `await stop()` in the end, also after a failure: use it in afterEach. */
export async function startTestNode(options: TestNodeOptions = {}): Promise<TestNode> {
  const { nodeOptions, ...serverOptions } = options;
  const node = createNode({ name: "alice.os", ...nodeOptions });
  node.addSystemProcess({
    id: ProcessId.parse("state:distro:sys"),
    program: stateProcess(memoryStore()),
    public: true,
    trusted: true,
  });
  const server = await startHttpServer(node, serverOptions);
  const token = server.issueToken("session");
  return {
    node,
    server,
    port: server.port,
    url: `http://127.0.0.1:${server.port}`,
    token,
    cookie: `jackfield-auth_${node.name}=${token}`,
    add: (id, program, given = {}) =>
      node.addProcess(ProcessId.parse(id), program, {
        requestCapabilities: [HTTP_SERVER],
        grantCapabilities: [HTTP_SERVER],
        ...given,
      }),
    stop: () => node.stop(),
  };
}

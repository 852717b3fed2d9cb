/**
 * A node with Hanami on it, from its sources, and what a client asks it over HTTP.
 *
 *   const hanami = await startHanami();
 *   const ann = await hanami.login("anna");
 *   expect(await ann.get("/v1/dataset/all")).toEqual({ status: 200, … });
 *   await stopHanami(); // in afterEach
 */
import { mkdtempSync, rmSync } from "node:fs";
import { type RequestOptions, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startHttpServer } from "../../../http-server/index.ts";
import { createNode, type Node } from "../../../kernel/index.ts";
import { Envelope, ProcessId, toAddress } from "../../../lib/protocol/index.ts";
import { diskStore } from "../../../processes/kv/disk-store.ts";
import { kvProcess } from "../../../processes/kv/kv.ts";
import { stateProcess } from "../../../processes/state/state.ts";
import { memoryStore } from "../../../processes/state/store.ts";
import { vfsProcess } from "../../../processes/vfs/vfs.ts";
import { started } from "../../support/kernel.ts";
import { Recorder } from "../../support/recorder.ts";

export const HANAMI = "hanami:hanami:sys";
const FOLDER = fileURLToPath(new URL("../../../processes/hanami", import.meta.url));
const PASSWORD = "correct horse";
/** Ann and Bob are in one project, Eve in another; Pia is admin of Ann's, Root of all. */
export const USERS = [
  { id: "anna", password: PASSWORD, project: "lab1" },
  { id: "bobb", password: PASSWORD, project: "lab1" },
  { id: "evey", password: PASSWORD, project: "lab2" },
  { id: "piaa", password: PASSWORD, project: "lab1", is_project_admin: true },
  { id: "root", password: PASSWORD, is_admin: true },
];

export type HanamiAnswer = { readonly status: number; readonly type: string | undefined; readonly body: unknown };

export class Client {
  readonly #hanami: HanamiNode;
  readonly token: string;

  constructor(hanami: HanamiNode, token: string) {
    this.#hanami = hanami;
    this.token = token;
  }

  get port(): number {
    return this.#hanami.port;
  }

  get(path: string): Promise<HanamiAnswer> {
    return this.#hanami.ask("GET", path, { token: this.token });
  }
  delete(path: string): Promise<HanamiAnswer> {
    return this.#hanami.ask("DELETE", path, { token: this.token });
  }
  post(path: string, body: unknown): Promise<HanamiAnswer> {
    return this.#hanami.ask("POST", path, { token: this.token, body: JSON.stringify(body) });
  }
  put(path: string, body: unknown): Promise<HanamiAnswer> {
    return this.#hanami.ask("PUT", path, { token: this.token, body: JSON.stringify(body) });
  }
}

export type HanamiNode = {
  readonly node: Node;
  /** The mounted one. */
  readonly port: number;
  readonly mainPort: number;
  readonly logs: readonly string[];
  /** What ended its incarnations. */
  readonly crashes: readonly string[];
  /** Where databases and drives are: hand it to another node to start it anew. */
  readonly folder: string;
  ask(
    method: string,
    path: string,
    given?: { readonly token?: string; readonly body?: string; readonly headers?: Record<string, string> },
  ): Promise<HanamiAnswer>;
  login(id: string): Promise<Client>;
  /** A Request, as `jackfield send` makes one, or from another process. */
  send(body: unknown, from?: string): Promise<unknown>;
  stop(): Promise<void>;
};

const running = new Set<HanamiNode>();
const folders = new Set<string>();

export async function stopHanami(): Promise<void> {
  for (const hanami of running) await hanami.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

export async function startHanami({
  settings = { users: USERS },
  folder = temporaryFolder(),
}: {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly folder?: string;
} = {}): Promise<HanamiNode> {
  const node = createNode({ name: "alice.os", settings: { [HANAMI]: settings } });
  const logs: string[] = [];
  const crashes: string[] = [];
  node.kernel.events.listen((event) => {
    if (event.type === "log") logs.push(event.text);
    if (event.type === "process-crashed") crashes.push(event.report.error);
  });
  const system = { public: true, trusted: true };
  node.addSystemProcess({
    id: ProcessId.parse("state:distro:sys"),
    program: stateProcess(memoryStore()),
    ...system,
  });
  node.addSystemProcess({
    id: ProcessId.parse("kv:distro:sys"),
    program: kvProcess(() => diskStore(join(folder, "kv"))),
  });
  node.addSystemProcess({
    id: ProcessId.parse("vfs:distro:sys"),
    program: vfsProcess({ folder: join(folder, "vfs") }),
  });
  const host = "127.0.0.1";
  const server = await startHttpServer(node, { listeners: [{ host, port: 0 }] });
  await node.addPackage(FOLDER);
  const process = node.kernel.registry.get(ProcessId.parse(HANAMI));
  while (process?.state === "starting") await new Promise((resolve) => setTimeout(resolve, 1));
  await server.listen({ host, port: 0, mount: ProcessId.parse(HANAMI) });
  const port = server.ports.at(-1) ?? 0;
  const hanami: HanamiNode = {
    node,
    port,
    mainPort: server.port,
    logs,
    crashes,
    folder,
    async ask(method, path, { token, body, headers = {} } = {}) {
      const sent = token === undefined ? headers : { "x-auth-token": token, ...headers };
      return await ask({ port, method, path, headers: sent }, body);
    },
    async login(id) {
      const { body } = await hanami.ask("POST", "/v1/token", { body: JSON.stringify({ id, password: PASSWORD }) });
      return new Client(hanami, (body as { token: string }).token);
    },
    async send(body, from) {
      if (from !== undefined) return await asked(node, from, body);
      const call = JSON.stringify({ process: HANAMI, body: JSON.stringify(body), expects_response: 5 });
      const headers = { "content-type": "application/json" };
      const question = { port: server.port, method: "POST", path: "/rpc:distro:sys/message", headers };
      const said = JSON.parse(String((await ask(question, call)).body)) as { readonly body: readonly number[] };
      return JSON.parse(Buffer.from(said.body).toString());
    },
    async stop() {
      running.delete(hanami);
      await node.stop();
    },
  };
  running.add(hanami);
  return hanami;
}

/** Written by node:http: it leaves the path as it is, and reads a body in pieces. */
function ask(options: RequestOptions, body: string | undefined): Promise<HanamiAnswer> {
  return new Promise((resolve, reject) => {
    const question = request({ host: "127.0.0.1", agent: false, ...options }, async (answer) => {
      try {
        let text = "";
        for await (const piece of answer.setEncoding("utf8")) text += piece;
        const type = answer.headers["content-type"];
        resolve({ status: answer.statusCode ?? 0, type, body: type === "text/json" ? JSON.parse(text) : text });
      } catch (error) {
        reject(error);
      }
    });
    question.on("error", reject).end(body);
  });
}

/** Of a process that may message Hanami, and is of another package unless `from` says otherwise. */
async function asked(node: Node, from: string, body: unknown): Promise<unknown> {
  const recorder = new Recorder();
  node.addProcess(ProcessId.parse(from), recorder.program, { requestCapabilities: [HANAMI] });
  const host = started(recorder.host);
  const envelope = new Envelope("request", host.our, toAddress(HANAMI, "alice.os"), body, null);
  envelope.expectsResponse = 5;
  return (await host.call(envelope)).body;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-test-hanami-"));
  folders.add(folder);
  return folder;
}

/**
 * A node with process hanami's uploads and nothing else of it: parts are made by the test, a token is a user's name, and
 * a part is its user's.
 *
 *   const uploads = await startUploads({ transport });
 *   await uploads.create(UUID, 300_000);
 *   const client = await uploads.connect(UUID);
 *   expect(await client.send(0, bytes)).toEqual(OK);
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Context, defineProcess } from "../../lib/process/index.ts";
import { ProcessId, resolveLimits, VirtualClock } from "../../lib/protocol/index.ts";
import { Handshakes } from "../../processes/hanami/handshake.ts";
import {
  type FileUploadResponse,
  readFileUploadResponse,
  writeFileUpload,
} from "../../processes/hanami/protobuf/upload.ts";
import { UPLOAD_LIMITS, type UploadLimits } from "../../processes/hanami/uploads/limits.ts";
import { Parts } from "../../processes/hanami/uploads/parts.ts";
import { vfsProcess } from "../../processes/vfs/vfs.ts";
import { startTestNode, type TestNode, type TestNodeOptions } from "./node.ts";
import { RawSocket } from "./sockets.ts";

export const HANAMI = "hanami:hanami:sys";
export const UUID = "0a1b2c3d-0000-4000-8000-00000000000a";
export const OTHER_UUID = "0a1b2c3d-0000-4000-8000-00000000000b";
export const TOKEN = "ann";
export const OK: FileUploadResponse = { success: true, errorMessage: "" };

export type Uploads = {
  readonly node: TestNode;
  /** Of the present incarnation. */
  readonly parts: Parts;
  /** Where parts' files are. */
  readonly folder: string;
  readonly sizes: Map<string, number>;
  /** Uuids of parts that expired. */
  readonly expired: string[];
  /** A part of ann's. */
  create(uuid: string, size: number): Promise<void>;
  /** What was given, or the folder that another node may go on with. */
  readonly data: string;
  /** A socket that has said nothing yet. */
  socket(path?: string): Promise<RawSocket & { readonly headers: Readonly<Record<string, string>> }>;
  /** One that has shaken hands for ann's part. */
  connect(uuid: string): Promise<UploadClient>;
  /** Hanami itself, by its own error. */
  crash(): void;
  isRunning(): boolean;
  /** How many are open. */
  sockets(): number;
  /** Resolves when a part's process has handled what it had to do so far. */
  settled(uuid: string): Promise<void>;
  stop(): Promise<void>;
};

export type UploadsOptions = Omit<TestNodeOptions, "limits"> & {
  readonly limits?: Partial<UploadLimits>;
  /** The vfs's. */
  readonly vfsLimits?: Readonly<Record<string, number>>;
  /** Of another node, to go on with; it is not removed by `stop`. */
  readonly data?: string;
  /** Likewise: what was announced. */
  readonly sizes?: Map<string, number>;
};

type Front = { readonly parts: Parts; readonly handshakes: Handshakes<string> };

export async function startUploads(options: UploadsOptions = {}): Promise<Uploads> {
  const { limits, vfsLimits, data, sizes: _sizes, ...nodeOptions } = options;
  const values = resolveLimits(UPLOAD_LIMITS, limits) as UploadLimits;
  const folder = data ?? mkdtempSync(join(tmpdir(), "jackfield-test-uploads-"));
  const node = await startTestNode(nodeOptions);
  node.node.addSystemProcess({
    id: ProcessId.parse("vfs:distro:sys"),
    program: vfsProcess({ folder, ...(vfsLimits === undefined ? {} : { limits: vfsLimits }) }),
  });
  const expired: string[] = [];
  const sizes = options.sizes ?? new Map<string, number>();
  let front: Front | undefined;
  let context: Context<Front> | undefined;
  const program = defineProcess<Front>({
    async init(ctx) {
      const parts = new Parts(ctx, values);
      parts.onExpired = (uuid) => expired.push(uuid);
      parts.siblingsOf = (uuid) => [...sizes.keys()].filter((other) => other !== uuid); // all are of one data set
      await parts.restore((uuid) => sizes.get(uuid));
      const handshakes = new Handshakes<string>(
        {
          verify: (token) => (token === TOKEN || token === "bob" ? token : undefined),
          targetFor: async (target, uuid, caller) => {
            if (target !== "file_upload" || caller !== TOKEN || parts.progress(uuid) === undefined)
              throw new Error(`${target} ${uuid} not found`);
            return await parts.taker(uuid);
          },
        },
        values,
      );
      await ctx.bindWs("/", { authenticated: false });
      await ctx.bindWs("/*rest", { authenticated: false });
      context = ctx;
      front = { parts, handshakes };
      return front;
    },
    onOpen: ({ handshakes }, { channelId }, ctx) => handshakes.open(channelId, ctx),
    onPush: ({ handshakes }, { channelId, messageType }, blob, ctx) =>
      handshakes.push(channelId, messageType, blob, ctx),
    onClose: ({ handshakes }, { channelId }) => handshakes.closed(channelId),
    onRequest({ parts }, message, ctx) {
      if (message.body === "crash") throw new Error("asked to crash");
      const answer = parts.take(message);
      if (ctx.asked) ctx.respond(answer);
    },
  });
  node.add(HANAMI, program, {
    requestCapabilities: ["http-server:distro:sys", "vfs:distro:sys"],
    grantCapabilities: ["http-server:distro:sys"],
    onExit: "Restart",
  });
  const current = (): Front => {
    if (front === undefined) throw new Error("hanami has not started");
    return front;
  };
  while (front === undefined) await new Promise((resolve) => setImmediate(resolve));
  const uploads: Uploads = {
    node,
    folder: join(folder, "hanami@sys/uploads"),
    expired,
    get parts() {
      return current().parts;
    },
    sizes,
    async create(uuid, size) {
      await current().parts.createPart(uuid, size);
      sizes.set(uuid, size);
    },
    data: folder,
    async socket(path = "/") {
      const socket = await RawSocket.connect(node.port);
      const extensions = { "sec-websocket-extensions": "permessage-deflate; client_max_window_bits" }; // as the SDK offers
      const { headers } = await socket.upgrade({ path: `/${HANAMI}${path}`, headers: extensions });
      return Object.assign(socket, { headers });
    },
    isRunning: () => front !== undefined,
    sockets: () => node.server.channels.size,
    async settled(uuid) {
      await context?.request(`upload-${uuid}:hanami:sys`).body("State").sendAndAwaitResponse();
    },
    async connect(uuid) {
      const socket = await uploads.socket();
      socket.sendText(JSON.stringify({ token: TOKEN, target: "file_upload", uuid }));
      const answer = JSON.parse((await socket.nextBinary()).toString()) as { readonly success: boolean };
      if (!answer.success) throw new Error(`the handshake was refused: ${JSON.stringify(answer)}`);
      return new UploadClient(socket);
    },
    crash() {
      front = undefined;
      context?.request(HANAMI).body("crash").send();
    },
    async stop() {
      const { clock } = node.node.kernel;
      let stopped = false;
      const stop = node.stop().finally(() => {
        stopped = true;
      });
      // A node waits by its clock; one that stands still is moved.
      while (clock instanceof VirtualClock && !stopped) {
        clock.advance(5);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await stop;
      if (data === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
  return uploads;
}

/** Who uploads: a message at a time, or several before it reads. */
export class UploadClient {
  readonly socket: RawSocket;

  constructor(socket: RawSocket) {
    this.socket = socket;
  }

  post(position: number, data: Uint8Array): void {
    this.socket.sendBinary(writeFileUpload({ position, data }));
  }

  async answer(): Promise<FileUploadResponse> {
    const response = readFileUploadResponse(await this.socket.nextBinary());
    if ("error" in response) throw new Error(response.error);
    return response;
  }

  async send(position: number, data: Uint8Array): Promise<FileUploadResponse> {
    this.post(position, data);
    return await this.answer();
  }
}

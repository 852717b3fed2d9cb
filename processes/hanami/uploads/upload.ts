/**
 * upload-<uuid>:hanami:sys: one part of a data set, from its first chunk until it is finalized, removed or abandoned.
 *
 * Needs  vfs:distro:sys, http-server:distro:sys. Its parent is hanami (parts.ts), who hands it channels and asks it.
 * State  none: what is there stands in the part's file (part-file.ts).
 * 1. A process for each part: a disk that takes long for one holds up no other, and a crash ends no other.
 * 2. No handler waits for the disk. Chunks wait in `staging`; what has come while it was busy is one request to it.
 * 3. Each message of a channel is answered once, in its order, when its bytes and that they are there are written.
 * 4. A channel that was handed to an earlier incarnation is closed: that one had messages in hand that nobody answers now.
 *    Whom the channel was handed to is told by `run`, which the parent asks for and puts into the channel's note.
 * 5. After limits.partIdleSeconds without a channel the part is removed, unless the parent says that it is still wanted.
 */
import {
  type Blob,
  type Context,
  defineProcess,
  type Message,
  type Open,
  type Program,
  type Timer,
} from "jackfield/process";
import { readFileUpload, writeFileUploadResponse } from "../protobuf/upload.ts";
import { journalBytesMax } from "./journal.ts";
import type { UploadLimits } from "./limits.ts";
import { isGone, PartFile, removePartFile } from "./part-file.ts";
import type { Ranges } from "./ranges.ts";
import { type Chunk, type Refused, type Slab, Staging } from "./staging.ts";

export const CLOSE_POLICY = 1008; // RFC 6455 §7.4.1: what it sent can never succeed; the SDK's call fails with the reason
const CLOSE_RESTART = 1012; // of the same registry: the service began anew, connect again

/** What the parent asks; each is answered with a PartState, or `{"Err": text}`. */
export type UploadRequest = "State" | "Attach" | "Seal" | "Unseal" | "Remove";

/** @property run of this incarnation: to be put into the note of a channel that is handed over */
export type PartState = {
  readonly size: number;
  readonly covered: number;
  readonly complete: boolean;
  readonly sockets: number;
  readonly run: string;
};
/** What the parent is told, or asked: whether a part that nobody uses may go, which is answered with a boolean. */
export type UploadNotice = { readonly Now: PartState } | { readonly MayExpire: PartState };

/** @property size in bytes, as it was announced */
export type UploadOptions = { readonly uuid: string; readonly size: number; readonly limits: UploadLimits };

type Ctx = Context<Upload>;
type Socket = { bytes: number; waiting: number };

const SUCCESS = writeFileUploadResponse({ success: true, errorMessage: "" });
const NOTICE_BYTES = 8 * 1024 * 1024; // growth that the parent is told of: with each chunk it would have a message more

export function uploadProcess(options: UploadOptions): Program {
  return defineProcess<Upload>({
    async init(ctx) {
      const { uuid, size, limits } = options;
      const file = await PartFile.open(ctx, uuid, size, limits.partRanges).catch((error: unknown) => {
        if (isGone(error)) ctx.onExit = "None"; // it will not come back
        throw error;
      });
      const upload = new Upload(options, file, ctx);
      upload.tell();
      upload.idle();
      return upload;
    },
    onOpen: (upload, open) => upload.open(open),
    onPush: (upload, { channelId, messageType }, blob) => {
      if (messageType === "Text" || messageType === "Binary") upload.push(channelId, blob);
    },
    onClose: (upload, { channelId }) => upload.closed(channelId),
    onRequest: (upload, message) => upload.asked(message),
    onExit: (upload) => upload.end(),
  });
}

class Upload {
  readonly #uuid: string;
  readonly #limits: UploadLimits;
  readonly #ctx: Ctx;
  readonly #run = crypto.randomUUID();
  readonly #file: PartFile;
  readonly #staging: Staging;
  readonly #sockets = new Map<number, Socket>(); // at most limits.partSockets, and those that were promised a place
  #planned: Ranges; // with what waits for the disk
  #writing: Promise<void> | null = null;
  #told = -1; // bytes covered
  #sealed = false;
  #removed = false;
  #idleTimer: Timer | null = null;

  constructor({ uuid, limits }: UploadOptions, file: PartFile, ctx: Ctx) {
    this.#uuid = uuid;
    this.#limits = limits;
    this.#ctx = ctx;
    this.#file = file;
    this.#planned = file.ranges.clone();
    this.#staging = new Staging(limits.chunkBytes, journalBytesMax(limits.partRanges));
  }

  get #state(): PartState {
    const { size, ranges } = this.#file;
    const { covered } = ranges;
    return { size, covered, complete: covered === size, sockets: this.#sockets.size, run: this.#run };
  }

  // What the parent asks

  asked(message: Message): void {
    const { our } = this.#ctx;
    if (message.source.node !== our.node || message.source.id.packageId.text !== our.id.packageId.text)
      return this.#ctx.respond({ Err: "only hanami may ask" });
    switch (message.body as UploadRequest) {
      case "State":
        return this.#ctx.respond(this.#state);
      case "Attach":
        return this.#attach();
      case "Seal":
        return void this.#seal(message);
      case "Unseal":
        return void this.#unseal(message);
      case "Remove":
        return void this.#remove(message);
      default:
        return this.#ctx.respond({ Err: "no such request" });
    }
  }

  #attach(): void {
    const { partSockets } = this.#limits;
    if (this.#sealed) return this.#ctx.respond({ Err: `part ${this.#uuid} not found: it is finalized` });
    if (this.#sockets.size >= partSockets)
      return this.#ctx.respond({ Err: `part ${this.#uuid} has ${partSockets} sockets already` });
    this.idle(); // connecting begins the time anew
    this.#ctx.respond(this.#state);
  }

  /** Not awaited by the handler, as those below: frames would wait in the mailbox, and it does not count their bytes. */
  async #seal(message: Message): Promise<void> {
    const wasSealed = this.#sealed;
    this.#sealed = true; // first: no chunk is taken while the disk is waited for
    try {
      await this.#writing;
      if (!this.#state.complete) throw new Error(`part ${this.#uuid} is not complete`);
      if (!wasSealed) await this.#file.seal();
      this.#ctx.respond(this.#state, { to: message });
    } catch (error) {
      this.#sealed = wasSealed;
      this.#ctx.respond({ Err: textOf(error) }, { to: message });
    }
  }

  async #unseal(message: Message): Promise<void> {
    try {
      if (this.#sealed && !this.#removed) await this.#file.unseal();
      this.#planned = this.#file.ranges.clone();
      this.#sealed = this.#removed;
      this.idle();
      this.#ctx.respond(this.#state, { to: message });
    } catch (error) {
      this.#ctx.respond({ Err: textOf(error) }, { to: message });
    }
  }

  async #remove(message: Message): Promise<void> {
    try {
      await this.#gone("the data set is finalized or deleted");
      this.#ctx.respond(this.#state, { to: message });
    } catch (error) {
      this.#ctx.respond({ Err: textOf(error) }, { to: message });
    }
  }

  // Channels

  open({ channelId, handover }: Open): void {
    const { run } = (handover?.note ?? {}) as { readonly run?: unknown }; // who is no sibling cannot hand over here
    if (run !== this.#run)
      return this.#ctx.close(
        channelId,
        CLOSE_RESTART,
        "the upload began anew: connect again, and send what was not answered",
      );
    const { partSockets } = this.#limits;
    if (this.#sockets.size >= partSockets)
      return this.#ctx.close(channelId, CLOSE_POLICY, `${partSockets} sockets were faster`);
    this.#sockets.set(channelId, { bytes: 0, waiting: 0 });
    this.#idleTimer?.cancel();
    this.#idleTimer = null;
    this.#notify({ Now: this.#state });
  }

  closed(channelId: number): void {
    if (!this.#sockets.delete(channelId)) return;
    this.idle();
    this.#notify({ Now: this.#state });
  }

  /** `blob` is lent: its bytes are copied once, to where they wait for the disk. */
  push(channelId: number, blob: Blob): void {
    const socket = this.#sockets.get(channelId);
    if (socket === undefined) return; // closed: what it sent before it knew that
    if (this.#sealed) return this.#refuse(socket, channelId, `part ${this.#uuid} is finalized`, true);
    const message = readFileUpload(blob.bytes());
    if ("error" in message) return this.#refuse(socket, channelId, message.error);
    const { position, data } = message;
    const end = position + data.byteLength;
    const why = this.#refusal(socket, position, data.byteLength);
    if (why !== undefined) return this.#refuse(socket, channelId, why);
    if (!this.#planned.add(position, end)) {
      const { partRanges } = this.#limits;
      return this.#refuse(
        socket,
        channelId,
        `more than ${partRanges} gaps: send what is between the earlier chunks first`,
      );
    }
    socket.bytes += data.byteLength;
    socket.waiting++;
    this.#staging.add({ channelId, start: position, end }, data);
    this.#write();
  }

  #refusal(socket: Socket, position: number, length: number): string | undefined {
    const { chunkBytes } = this.#limits;
    const { size } = this.#file;
    if (position + length > size)
      return `failed to write ${length} bytes at ${position}: part ${this.#uuid} has ${size} bytes`;
    if (length > chunkBytes) return `a chunk has at most ${chunkBytes} bytes: got ${length}`;
    if (socket.bytes + length > chunkBytes)
      return `more than ${chunkBytes} bytes wait for the disk: send more when some were answered`;
    return undefined;
  }

  /** In its turn: rule 3. */
  #refuse(socket: Socket, channelId: number, error: string, close = false): void {
    if (++socket.waiting > this.#limits.chunksWaiting) {
      const reason = `more than ${this.#limits.chunksWaiting} messages without waiting for an answer`;
      return this.#drop(channelId, reason);
    }
    this.#staging.refuse({ channelId, error, close });
    this.#write();
  }

  // The disk

  #write(): void {
    if (this.#writing !== null) return;
    this.#writing = this.#writeAll().then(() => {
      this.#writing = null;
      if (this.#sockets.size === 0) this.#staging.rest();
    });
  }

  /** Never rejects. */
  async #writeAll(): Promise<void> {
    for (let slab = this.#staging.take(); slab !== undefined; slab = this.#staging.take()) {
      try {
        await this.#writeOne(slab);
      } catch (error) {
        this.#failed(slab, error);
        if (isGone(error))
          await this.#gone("its file is gone").catch((thrown: unknown) => this.#ctx.log(textOf(thrown)));
        continue;
      }
      this.#staging.done(slab);
      this.#answer(slab);
    }
  }

  async #writeOne({ bytes, used, entries }: Slab): Promise<void> {
    const chunks = entries.filter(isChunk);
    if (chunks.length === 0 || this.#removed) return;
    const pieces: { position: number; length: number }[] = [];
    for (const { start, end } of chunks) {
      const last = pieces.at(-1);
      if (last !== undefined && last.position + last.length === start) last.length += end - start;
      else pieces.push({ position: start, length: end - start });
    }
    const added = pieces
      .map(({ position, length }) => ({ start: position, end: position + length }))
      .filter(({ start, end }) => !this.#file.ranges.has(start, end));
    await this.#file.write(bytes, used, pieces, added);
  }

  /** The parent knows of what is complete before the client does, who asks it then. */
  #answer({ entries }: Slab): void {
    this.tell();
    for (const entry of entries) {
      const socket = this.#sockets.get(entry.channelId);
      if (socket === undefined) continue;
      socket.waiting--;
      if (isChunk(entry)) {
        socket.bytes -= entry.end - entry.start;
        this.#ctx.push(entry.channelId, SUCCESS);
      } else this.#answerRefused(entry);
    }
  }

  #answerRefused({ channelId, error, close }: Refused): void {
    this.#ctx.push(channelId, writeFileUploadResponse({ success: false, errorMessage: error }));
    if (close) this.#drop(channelId, error);
  }

  /** What the disk does not take now it may take later; but the SDK looks at no answer, only at a socket that ends. */
  #failed({ entries }: Slab, error: unknown): void {
    const why = `part ${this.#uuid} cannot be written: ${textOf(error)}`;
    this.#ctx.log(why);
    for (const { channelId } of entries) {
      if (this.#sockets.has(channelId))
        this.#ctx.push(channelId, writeFileUploadResponse({ success: false, errorMessage: why }));
    }
    for (const channelId of [...this.#sockets.keys()]) this.#drop(channelId, why);
    this.#staging.clear(); // nobody is left to answer
    this.#planned = this.#file.ranges.clone();
  }

  #drop(channelId: number, reason: string): void {
    this.#ctx.close(channelId, CLOSE_POLICY, shortened(reason));
    this.closed(channelId);
  }

  // Its end

  /** Begins to count the time without a channel. */
  idle(): void {
    this.#idleTimer?.cancel();
    this.#idleTimer = null;
    if (this.#sockets.size > 0 || this.#removed) return;
    this.#idleTimer = this.#ctx.after(this.#limits.partIdleSeconds * 1000, async () => {
      if (this.#sockets.size > 0) return;
      // Sealed: it is being read, and who sealed it ends that.
      if (this.#sealed || !(await this.#mayExpire())) return this.idle();
      await this.#gone("nobody was connected");
    });
  }

  async #mayExpire(): Promise<boolean> {
    const question: UploadNotice = { MayExpire: this.#state };
    try {
      const { body } = await this.#ctx.request(this.#parent).body(question).sendAndAwaitResponse();
      return body === true && this.#sockets.size === 0;
    } catch {
      return false; // it is busy, or begins anew: asked again
    }
  }

  async #gone(reason: string): Promise<void> {
    if (this.#removed) return;
    this.#removed = true;
    this.#sealed = true;
    for (const channelId of [...this.#sockets.keys()]) this.#drop(channelId, `${reason}: part ${this.#uuid} is gone`);
    this.#idleTimer?.cancel();
    this.#ctx.onExit = "None";
    try {
      await this.#file.close();
      await removePartFile(this.#ctx, this.#uuid);
    } finally {
      this.#ctx.exit(); // the parent removes what is left
    }
  }

  /** Of how much is there: the first time, each NOTICE_BYTES, and when it is complete. */
  tell(): void {
    const state = this.#state;
    if (state.covered === this.#told) return;
    if (this.#told >= 0 && !state.complete && state.covered - this.#told < NOTICE_BYTES) return;
    this.#told = state.covered;
    this.#notify({ Now: state });
  }

  async end(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }

  get #parent(): string {
    return `hanami:${this.#ctx.our.id.packageId.text}`;
  }

  #notify(notice: UploadNotice): void {
    this.#ctx.request(this.#parent).body(notice).send();
  }
}

function isChunk(entry: Chunk | Refused): entry is Chunk {
  return "start" in entry;
}

const REASON_BYTES = 120; // RFC 6455 §5.5.1: 123 bytes of UTF-8 beside the code

function shortened(reason: string): string {
  let text = reason;
  while (Buffer.byteLength(text) > REASON_BYTES) text = text.slice(0, -1);
  return text;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

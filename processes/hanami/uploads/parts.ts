/**
 * The parts of data sets, as process hanami has them: a child for each (upload.ts), and what is known of it.
 *
 * 1. Made in an incarnation's init, `restore` finds the parts that are on the disk, and a child for each.
 * 2. What is known of a part is what its child said last: it says so before it answers the chunk that made it complete.
 * 3. Children live over a restart of hanami: their sockets do not hear of it.
 */
import { type Context, type Message, SendError } from "jackfield/process";
import { KernelError, PackageId, ProcessId } from "jackfield/protocol";
import type { UploadLimits } from "./limits.ts";
import { createPartFile, listParts, removePartFile } from "./part-file.ts";
import { type PartState, type UploadNotice, type UploadRequest, uploadProcess } from "./upload.ts";

type Ctx = Pick<Context, "vfs" | "spawn" | "request" | "children" | "our" | "log" | "now">;

/** @property received bytes that have come, each counted once */
export type PartProgress = { readonly size: number; readonly received: number };

/** @property usedAt ms since the Unix epoch, when it was made or its last socket left; Infinity: it has one */
type Known = PartProgress & { readonly usedAt: number };

/** Who takes a channel, and what it is to be told of it. */
export type Taker = { readonly process: string; readonly note?: unknown };

/** There are too many parts, or what was asked of one was refused. */
export class PartsError extends KernelError {
  override readonly name = "PartsError";

  constructor(code: "TooManyParts" | "PartRefused", text: string) {
    super(code, text);
  }
}

const CHILD = "upload-"; // and the uuid
const ASK_SECONDS = 60; // seconds: as the vfs, which it may wait for

export class Parts {
  /** Told of a part that was abandoned: it goes. */
  onExpired: (uuid: string) => void = () => undefined;
  /** The other parts of its data set, which are uploaded one after the other: while one is used, none is abandoned. */
  siblingsOf: (uuid: string) => readonly string[] = () => [];
  readonly #ctx: Ctx;
  readonly #limits: UploadLimits;
  readonly #known = new Map<string, Known>(); // at most limits.parts
  readonly #asking = new Map<string, Promise<PartState>>(); // likewise

  constructor(ctx: Ctx, limits: UploadLimits) {
    this.#ctx = ctx;
    this.#limits = limits;
  }

  /** In init. @param sizeOf a part, as it was announced; undefined: nobody wants it, it is removed @throws {VfsError} */
  async restore(sizeOf: (uuid: string) => number | undefined): Promise<void> {
    const running = new Set((await this.#ctx.children()).map(({ process }) => ProcessId.parse(process).process));
    for (const uuid of await listParts(this.#ctx)) {
      const size = sizeOf(uuid);
      try {
        if (size === undefined) await this.removePart(uuid);
        else {
          if (!running.has(`${CHILD}${uuid}`)) await this.#spawn(uuid, size);
          this.#known.set(uuid, { size, received: 0, usedAt: this.#ctx.now() });
          this.#learn(uuid, await this.#ask(uuid, "State"));
        }
      } catch (error) {
        this.#ctx.log(`part ${uuid} is left alone: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }

  /** Makes an empty part of `size` bytes, durably. @throws {VfsError} there is no room @throws {PartsError} TooManyParts */
  async createPart(uuid: string, size: number): Promise<void> {
    const { parts } = this.#limits;
    const name = uuid.toLowerCase();
    if (this.#known.size >= parts && !this.#known.has(name))
      throw new PartsError(
        "TooManyParts",
        `Cannot make a part as there may be ${parts}: finalize or delete a data set`,
      );
    this.#known.set(name, { size, received: 0, usedAt: this.#ctx.now() }); // its place, before anybody else's
    try {
      await createPartFile(this.#ctx, name, size, this.#limits.partRanges);
      await this.#spawn(name, size);
    } catch (error) {
      this.#known.delete(name);
      await removePartFile(this.#ctx, name).catch(() => undefined); // restore finds it, and nobody who wants it
      throw error;
    }
  }

  /**
   * What is known of it: complete as soon as its client can know, before that up to some MiB behind.
   * @returns undefined: there is no such part
   */
  progress(uuid: string): PartProgress | undefined {
    const name = uuid.toLowerCase();
    const known = this.#known.get(name);
    // A notice may have been lost, where this process was overloaded: who asks again hears it.
    if (known !== undefined && known.received < known.size) void this.state(name).catch(() => undefined);
    return known === undefined ? undefined : { size: known.size, received: known.received };
  }

  /** As it is now. @returns undefined: there is no such part @throws {SendError} its process does not answer */
  async state(uuid: string): Promise<PartProgress | undefined> {
    const name = uuid.toLowerCase();
    if (!this.#known.has(name)) return undefined;
    let asking = this.#asking.get(name);
    if (asking === undefined) {
      asking = this.#ask(name, "State").finally(() => this.#asking.delete(name));
      this.#asking.set(name, asking);
    }
    return this.#learn(name, await asking);
  }

  /** Its file is its bytes from now on; later chunks are refused. @throws {PartsError} not complete @throws {SendError} */
  async sealPart(uuid: string): Promise<void> {
    await this.#ask(uuid.toLowerCase(), "Seal");
  }

  /** Chunks are taken again: what was to be done with it failed. Nothing happens when it is gone. */
  async unsealPart(uuid: string): Promise<void> {
    const name = uuid.toLowerCase();
    if (!this.#known.has(name)) return;
    try {
      await this.#ask(name, "Unseal");
    } catch (error) {
      this.#ctx.log(`part ${name} stays sealed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** With its bytes, and its sockets; nothing happens when it is gone. @throws {VfsError} */
  async removePart(uuid: string): Promise<void> {
    const name = uuid.toLowerCase();
    this.#known.delete(name);
    await this.#ask(name, "Remove").catch(() => undefined); // it is gone, or ends badly: its file goes all the same
    await removePartFile(this.#ctx, name);
  }

  /** Where a channel of that part goes. @throws {PartsError} @throws {SendError} it is gone */
  async taker(uuid: string): Promise<Taker> {
    const name = uuid.toLowerCase();
    const { run } = await this.#ask(name, "Attach").catch(async (error: unknown) => {
      const size = this.#known.get(name)?.size;
      if (!(error instanceof SendError) || error.kind !== "Offline" || size === undefined) throw error;
      await this.#spawn(name, size); // it was given up, or killed: what it had is on the disk
      return await this.#ask(name, "Attach");
    });
    return { process: this.#child(name), note: { run } };
  }

  /** @returns undefined: `message` is no child's; else what it is answered, where it asks */
  take({ source, body }: Pick<Message, "source" | "body">): boolean | undefined {
    const { our } = this.#ctx;
    const uuid = source.id.process.slice(CHILD.length);
    if (source.node !== our.node || source.id.text !== this.#child(uuid)) return undefined;
    const notice = body as UploadNotice; // a child's word
    if ("Now" in notice) return this.#learn(uuid, notice.Now) !== undefined;
    const since = this.#ctx.now() - this.#limits.partIdleSeconds * 1000;
    if (this.siblingsOf(uuid).some((sibling) => (this.#known.get(sibling)?.usedAt ?? 0) > since)) return false;
    this.#known.delete(uuid);
    this.onExpired(uuid);
    return true;
  }

  /** What is there stays: the larger figure is the newer one. @returns undefined: it was removed meanwhile */
  #learn(uuid: string, { size, covered, sockets }: PartState): PartProgress | undefined {
    const known = this.#known.get(uuid);
    if (known === undefined) return undefined;
    const received = Math.max(covered, known.received);
    const left = Number.isFinite(known.usedAt) ? known.usedAt : this.#ctx.now();
    this.#known.set(uuid, { size, received, usedAt: sockets > 0 ? Infinity : left });
    return { size, received };
  }

  #child(uuid: string): string {
    const { id } = this.#ctx.our;
    return `${CHILD}${uuid}:${new PackageId(id.package, id.publisher).text}`;
  }

  async #spawn(uuid: string, size: number): Promise<void> {
    const { id } = this.#ctx.our;
    await this.#ctx.spawn({
      name: `${CHILD}${uuid}`,
      program: uploadProcess({ uuid, size, limits: this.#limits }),
      onExit: "Restart",
      lifetime: "parent",
      requestCapabilities: ["http-server:distro:sys", "vfs:distro:sys", id.text],
      grantCapabilities: ["http-server:distro:sys", id.text],
    });
  }

  /** @throws {PartsError} PartRefused @throws {SendError} */
  async #ask(uuid: string, request: UploadRequest): Promise<PartState> {
    const answer = await this.#ctx.request(this.#child(uuid)).body(request).sendAndAwaitResponse(ASK_SECONDS);
    const body = answer.body as PartState | { readonly Err: string }; // a child's word
    if ("Err" in body) throw new PartsError("PartRefused", body.Err);
    return body;
  }
}

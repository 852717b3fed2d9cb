/**
 * Files, through vfs:distro:sys: `ctx.vfs.drive("notes")` is a drive of one's own package, made when it is first used.
 *
 *   const notes = ctx.vfs.drive("notes");
 *   await notes.writeFile("2026/plan.txt", "…", { folders: true }); // kept when it resolves
 *
 * 1. Paths are inside the drive, `folder/file`; no `..`, no `.`, no empty part.
 * 2. `writeFile` and a write stream replace a file at once: who reads sees the old content or the new one.
 * 3. The manifest asks for `vfs:distro:sys`.
 */
import {
  Address,
  Blob,
  type BlobLike,
  type Capability,
  Envelope,
  type Host,
  KernelError,
  type Message,
  ON_BEHALF,
  toBlob,
  VFS,
  type VfsAction,
  type VfsEntry,
  type VfsErrorBody,
  type VfsMetadata,
  type VfsPiece,
  type VfsResponse,
  type VfsUsage,
} from "../protocol/index.ts";

const SECONDS = 60; // seconds: a disk may be busy with what others wrote
const PIECE = 256 * 1024; // bytes of a stream in one message

/** What vfs:distro:sys refused. `kind` is the contract's word; `code` the system's, e.g. ENOENT, where it has one. */
export class VfsError extends KernelError {
  override readonly name = "VfsError";
  readonly kind: string;
  readonly path: string;

  constructor(path: string, error: VfsErrorBody) {
    const [kind, detail] = typeof error === "string" ? [error, ""] : (Object.entries(error)[0] ?? ["", ""]);
    const said = typeof detail === "string" ? detail : JSON.stringify(detail);
    const [code] = kind === "IOError" ? (/^[A-Z0-9]+/.exec(said) ?? [kind]) : [kind];
    super(
      code,
      `Cannot use "${path}" as vfs:distro:sys refuses: ${said === "" ? (WHY[kind] ?? kind) : `${kind} ${said}`}`,
    );
    this.kind = kind;
    this.path = path;
  }
}

const WHY: Readonly<Record<string, string>> = {
  NoReadCap: "NoReadCap, another package's drive: ask it for its read capability",
  NoWriteCap: "NoWriteCap, another package's drive: ask it for its write capability",
  MalformedRequest: 'MalformedRequest, that is no path: write "folder/file", without . and ..',
};

export type DriveOptions = {
  /** The request in hand whose sender this is done for: only what came with it counts (the confused deputy). */
  readonly onBehalfOf?: Pick<Message, "capabilities">;
  /** Sent along with each request: only they count. */
  readonly capabilities?: readonly Capability[];
};

export type WriteOptions = {
  /** Default true: it is there after the power went. */
  readonly durable?: boolean;
  /** Default false: make the folders that are missing. */
  readonly folders?: boolean;
};

export class VfsCalls {
  readonly #host: Host;
  readonly #made = new Map<string, Promise<void>>(); // own drives that were used; a package has few

  constructor(host: Host) {
    this.#host = host;
  }

  /** @param name of a drive of this package, or `/package:publisher/drive` of any */
  drive(name: string, options: DriveOptions = {}): Drive {
    const own = `/${this.#host.our.id.packageId.text}/${name}`;
    if (name.startsWith("/")) return new Drive(this.#host, name, options, () => Promise.resolve());
    const make = name === "pkg" ? () => Promise.resolve() : () => this.#make(own);
    return new Drive(this.#host, own, options, make);
  }

  #make(path: string): Promise<void> {
    let made = this.#made.get(path);
    if (made === undefined) {
      made = ask(this.#host, path, "CreateDrive", null, []).then(() => undefined);
      this.#made.set(path, made);
      made.catch(() => this.#made.delete(path)); // the next use tries again
    }
    return made;
  }
}

export class Drive {
  readonly path: string;
  readonly #host: Host;
  readonly #capabilities: readonly Capability[];
  readonly #ready: () => Promise<void>;

  /** Made by `ctx.vfs.drive`. */
  constructor(host: Host, path: string, options: DriveOptions, ready: () => Promise<void>) {
    this.#host = host;
    this.path = path;
    const { onBehalfOf, capabilities = [] } = options;
    this.#capabilities =
      onBehalfOf === undefined
        ? capabilities
        : [...capabilities, ...onBehalfOf.capabilities, { issuer: host.our.text, params: ON_BEHALF }];
    this.#ready = onBehalfOf === undefined && capabilities.length === 0 ? ready : () => Promise.resolve();
  }

  /** Makes it, where it is this package's own and not there yet. @returns its read and write capability, to hand on */
  async create(): Promise<readonly Capability[]> {
    return (await ask(this.#host, this.path, "CreateDrive", null, this.#capabilities)).capabilities;
  }

  /** The whole file. @throws {VfsError} LimitReached: read it as a stream */
  async readFile(path: string): Promise<Blob> {
    return (await this.#ask(path, "Read")).blob ?? Blob.of("");
  }

  /** The whole file at once; it is made, or replaced. @throws {VfsError} */
  async writeFile(
    path: string,
    value: BlobLike,
    { durable = true, folders = false }: WriteOptions = {},
  ): Promise<void> {
    if (folders) await this.#makeFolders(path);
    await this.#ask(path, durable ? "Replace" : "Write", toBlob(value));
  }

  /** Makes a file where there is none, and gives a handle on it. It is a name, nothing is held open. @throws {VfsError} */
  async open(path: string, { create = false }: { readonly create?: boolean } = {}): Promise<VfsFile> {
    await this.#ask(path, { OpenFile: { create } });
    await this.#ask(path, "CloseFile"); // no cursor is needed: a handle says where
    return new VfsFile((action, blob) => this.#ask(path, action, blob));
  }

  /**
   * A file that is there, held open, to be read and written at positions: much cheaper for each of many writes than
   * `open`. It is let go after a minute in which nothing was done. @throws {VfsError} ENOENT
   */
  async hold(path: string): Promise<HeldFile> {
    const { body } = await this.#ask(path, "OpenUpdate");
    const { stream_id, len } = expected<{ readonly stream_id: number; readonly len: number }>(body, "Stream");
    return new HeldFile((action, blob) => this.#ask(path, action, blob), stream_id, len);
  }

  /** Of a file or folder. @throws {VfsError} ENOENT */
  async stat(path: string): Promise<VfsMetadata> {
    const { body } = await this.#ask(path, "Metadata");
    return expected(body, "Metadata");
  }

  async exists(path: string): Promise<boolean> {
    try {
      await this.stat(path);
      return true;
    } catch (error) {
      if (error instanceof VfsError && (error.code === "ENOENT" || error.code === "ENOTDIR")) return false;
      throw error;
    }
  }

  /** Everything in a folder, by name, a page at a time. @param path left out: the drive itself @throws {VfsError} */
  async *list(path: string = ""): AsyncGenerator<VfsEntry, void> {
    let after = "";
    for (let more = true; more; ) {
      const { body } = await this.#ask(path, { List: { after } });
      const page = expected(body, "List") as { readonly entries: readonly VfsEntry[]; readonly more: boolean };
      yield* page.entries;
      more = page.more && page.entries.length > 0;
      after = page.entries.at(-1)?.name ?? "";
    }
  }

  /** With all above it; nothing happens when it is there. @throws {VfsError} */
  async makeFolder(path: string): Promise<void> {
    await this.#ask(path, "CreateDirAll");
  }

  /** In this drive; over what is there. @throws {VfsError} */
  async rename(path: string, to: string): Promise<void> {
    await this.#ask(path, { Rename: { new_path: this.#full(to) } });
  }

  /** @param to in this drive, or `/package:publisher/drive/…` @throws {VfsError} */
  async copy(path: string, to: string): Promise<void> {
    await this.#ask(path, { CopyFile: { new_path: to.startsWith("/") ? to : this.#full(to) } });
  }

  /** A file; with `all`, a folder and what is in it. @throws {VfsError} */
  async remove(path: string, { all = false }: { readonly all?: boolean } = {}): Promise<void> {
    await this.#ask(path, all ? "RemoveDirAll" : "RemoveFile");
  }

  /** An empty folder. @throws {VfsError} ENOTEMPTY */
  async removeFolder(path: string): Promise<void> {
    await this.#ask(path, "RemoveDir");
  }

  /** What was written to it is there after the power went. @throws {VfsError} */
  async sync(path: string): Promise<void> {
    await this.#ask(path, "SyncAll");
  }

  /** SHA-256. @throws {VfsError} */
  async hash(path: string): Promise<Uint8Array> {
    const { body } = await this.#ask(path, "Hash");
    return Uint8Array.from(expected<readonly number[]>(body, "Hash"));
  }

  /** Of the drive. @throws {VfsError} */
  async usage(): Promise<VfsUsage> {
    const { body } = await this.#ask("", "Usage");
    return expected(body, "Usage");
  }

  /** The file as it is now, no faster than it is read; leaving the loop closes it. @throws {VfsError} */
  async *readStream(path: string): AsyncGenerator<Uint8Array, void> {
    const { body } = await this.#ask(path, "OpenRead");
    const { stream_id } = expected<{ readonly stream_id: number }>(body, "Stream");
    let done = false;
    try {
      while (!done) {
        const piece = await this.#ask(path, { StreamRead: { stream_id, length: PIECE } });
        done = expected<{ readonly done: boolean }>(piece.body, "StreamRead").done;
        if (piece.blob !== null && piece.blob.byteLength > 0) yield piece.blob.bytes();
      }
    } finally {
      if (!done) await this.#ask(path, { StreamClose: { stream_id } });
    }
  }

  /**
   * Replaces the file by what `source` gives, when all has come. A source that throws leaves the old one.
   * @returns how many bytes @throws {VfsError} @throws what the source throws
   */
  async writeStream(
    path: string,
    source: AsyncIterable<BlobLike> | Iterable<BlobLike>,
    { durable = true, folders = false }: WriteOptions = {},
  ): Promise<number> {
    if (folders) await this.#makeFolders(path);
    const { body } = await this.#ask(path, "OpenWrite");
    const { stream_id } = expected<{ readonly stream_id: number }>(body, "Stream");
    let written = 0;
    try {
      for await (const value of source) {
        const bytes = toBlob(value).keep().bytes();
        for (let at = 0; at < bytes.byteLength; at += PIECE) {
          const piece = Blob.of(bytes.subarray(at, at + PIECE));
          await this.#ask(path, { StreamWrite: { stream_id } }, piece);
        }
        written += bytes.byteLength;
      }
      await this.#ask(path, { StreamCommit: { stream_id, durable } });
      return written;
    } catch (error) {
      await this.#ask(path, { StreamClose: { stream_id } }).catch(() => undefined); // the first error is the one to tell
      throw error;
    }
  }

  async #makeFolders(path: string): Promise<void> {
    const end = path.lastIndexOf("/");
    if (end > 0) await this.makeFolder(path.slice(0, end));
  }

  #full(path: string): string {
    return path === "" ? this.path : `${this.path}/${path}`;
  }

  async #ask(path: string, action: VfsAction, blob: Blob | null = null): Promise<Envelope> {
    await this.#ready();
    return await ask(this.#host, this.#full(path), action, blob, this.#capabilities);
  }
}

/** A file by its name: it stays good over a restart of its process, and of the node. */
export class VfsFile {
  readonly #ask: (action: VfsAction, blob?: Blob | null) => Promise<Envelope>;

  /** Made by `Drive.open`. */
  constructor(ask: (action: VfsAction, blob?: Blob | null) => Promise<Envelope>) {
    this.#ask = ask;
  }

  /** At most `length` bytes from `position` on; fewer at the end. @throws {VfsError} */
  async readAt(position: number, length: number): Promise<Uint8Array> {
    const { blob } = await this.#ask({ ReadAt: { position, length } });
    return blob?.bytes() ?? new Uint8Array(0);
  }

  /** Not at once, and not kept until `sync`: a crash may leave half of it. @throws {VfsError} */
  async writeAt(position: number, value: BlobLike): Promise<void> {
    await this.#ask({ WriteAt: { position } }, toBlob(value));
  }

  /** @throws {VfsError} */
  async append(value: BlobLike): Promise<void> {
    await this.#ask("Append", toBlob(value));
  }

  /** @throws {VfsError} */
  async truncate(length: number = 0): Promise<void> {
    await this.#ask({ SetLen: length });
  }

  /** @throws {VfsError} */
  async size(): Promise<number> {
    const { body } = await this.#ask("Len");
    return expected(body, "Len");
  }

  /** What was written is there after the power went. @throws {VfsError} */
  async sync(): Promise<void> {
    await this.#ask("SyncAll");
  }

  /** Nothing is open: here so that a file reads as any other. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * A file that is held open, in place. `NoStream`: it has been let go, as nothing was done with it for a minute, or its
 * process began anew; `ESTALE`: it was removed or replaced. Hold it again.
 */
export class HeldFile {
  /** In bytes, when it was opened. */
  readonly length: number;
  readonly #ask: (action: VfsAction, blob?: Blob | null) => Promise<Envelope>;
  readonly #id: number;

  /** Made by `Drive.hold`. */
  constructor(ask: (action: VfsAction, blob?: Blob | null) => Promise<Envelope>, id: number, length: number) {
    this.#ask = ask;
    this.#id = id;
    this.length = length;
  }

  /** At most `length` bytes from `position` on; fewer at the end. @throws {VfsError} */
  async readAt(position: number, length: number): Promise<Uint8Array> {
    const { blob } = await this.#ask({ StreamReadAt: { stream_id: this.#id, position, length } });
    return blob?.bytes() ?? new Uint8Array(0);
  }

  /** Not kept until `sync`. @throws {VfsError} */
  async writeAt(position: number, value: BlobLike): Promise<void> {
    const blob = toBlob(value).keep();
    await this.write([{ position, length: blob.byteLength }], blob);
  }

  /**
   * Several pieces, whose bytes stand behind each other in `value`, one after the other: none is written behind one that
   * failed. The bytes must not change until it resolves; after a `Timeout` never again. @throws {VfsError}
   */
  async write(pieces: readonly VfsPiece[], value: BlobLike): Promise<void> {
    await this.#ask({ StreamWriteAt: { stream_id: this.#id, pieces } }, toBlob(value).keep());
  }

  /** What was written is there after the power went. @throws {VfsError} */
  async sync(): Promise<void> {
    await this.#ask({ StreamSync: { stream_id: this.#id } });
  }

  async close(): Promise<void> {
    await this.#ask({ StreamClose: { stream_id: this.#id } });
  }
}

async function ask(
  host: Host,
  path: string,
  action: VfsAction,
  blob: Blob | null,
  capabilities: readonly Capability[],
): Promise<Envelope> {
  const request = new Envelope("request", host.our, new Address(host.our.node, VFS), { path, action }, blob);
  request.expectsResponse = SECONDS;
  if (capabilities.length > 0) request.capabilities = capabilities;
  const answer = await host.call(request);
  const body = answer.body as VfsResponse; // its word: the kernel says who answers
  if (typeof body === "object" && "Err" in body) throw new VfsError(path, body.Err);
  return answer;
}

function expected<Value>(body: unknown, key: string): Value {
  return (body as Readonly<Record<string, Value>>)[key] as Value; // likewise
}

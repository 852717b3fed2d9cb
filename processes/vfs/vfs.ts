/**
 * vfs:distro:sys: files, in drives of packages, under `/package:publisher/drive/…` (contract kinode §6).
 *
 * Needs  nothing. To message it is to be granted: it is not public.
 * 1. A package has its own drives; others need `{"kind":"read"|"write","drive":"/package:publisher/drive"}`, or root. What
 *    is attached to a request counts before that (lib/process/permission.ts).
 * 2. No path leaves its drive: path.ts by its letters, tree.ts on the disk.
 * 3. Requests of one process are done in their order, while the mailbox goes on (work.ts).
 * 4. Nothing is said of where drives are on the machine.
 */
import { allowed, type Context, defineProcess, type Message, type Program } from "jackfield/process";
import { type Capability, capability, type PackageId, type VfsErrorBody } from "jackfield/protocol";
import { Actions, type Answer, type Caller } from "./actions.ts";
import { Drives } from "./drives.ts";
import { type VfsLimits, vfsLimits } from "./limits.ts";
import { parsePath, type VfsPath } from "./path.ts";
import { type Asked, isRecord, readRequest } from "./read-request.ts";
import { errorBody, isExpected, Refusal } from "./refusal.ts";
import { Work } from "./work.ts";

export type VfsOptions = {
  /** Where drives are kept; null: in a folder for temporary files, gone when the node stops. */
  readonly folder: string | null;
  /** Of limits.ts. */
  readonly limits?: Readonly<Record<string, number | undefined>>;
  /** False: see tree.ts, rule 2. Default: as the machine is. */
  readonly byProc?: boolean;
};

type Ctx = Context<Vfs>;

/** @throws {OptionError} a limit */
export function vfsProcess(options: VfsOptions): Program {
  const limits = vfsLimits(options.limits);
  return defineProcess<Vfs>({
    init: (ctx) => new Vfs(options, limits, ctx),
    onRequest: (vfs, message, ctx) => vfs.take(message, ctx),
    onExit: (vfs) => vfs.close(),
  });
}

class Vfs {
  readonly #drives: Drives;
  readonly #actions: Actions;
  readonly #work: Work;
  readonly #limits: VfsLimits;
  #sweeps = false;

  constructor({ folder, byProc }: VfsOptions, limits: VfsLimits, ctx: Ctx) {
    const packageFolder = async (id: PackageId): Promise<string | null> =>
      (await ctx.host.command({ PackageFolder: { package: id.text } })) as string | null; // the kernel's word
    this.#drives = new Drives({ folder, limits, packageFolder, ...(byProc === undefined ? {} : { byProc }) });
    this.#actions = new Actions(this.#drives, limits, () => ctx.now());
    this.#work = new Work(limits);
    this.#limits = limits;
  }

  /** Does not wait for the disk: rule 3. */
  take(message: Message, ctx: Ctx): void {
    const blob = message.blob?.keep() ?? null;
    try {
      this.#work.add(message.source.text, blob?.byteLength ?? 0, async () => {
        const answer = await this.#answer(message, ctx).catch((error: unknown) => failed(error, ctx));
        reply(ctx, message, answer);
        this.#sweep(ctx);
      });
    } catch (error) {
      reply(ctx, message, refused(errorBody(error)));
    }
  }

  async close(): Promise<void> {
    await this.#work.idle();
    await this.#actions.streams.closeAll();
    await this.#drives.close();
  }

  async #answer(message: Message, ctx: Ctx): Promise<Answer> {
    const { body } = message;
    if (isRecord(body) && body.path === "/" && body.action === "ReadDir") return await this.#root(message, ctx);
    const asked = readRequest(body);
    if (asked === undefined) return refused("MalformedRequest");
    await assertAllowed(asked, message, ctx);
    const caller: Caller = { process: message.source.text, bytes: message.blob?.bytes() ?? null };
    const answer = await this.#actions.run(asked, caller);
    return asked.action === "CreateDrive" ? { ...answer, capabilities: capabilitiesOf(asked.path, ctx) } : answer;
  }

  /** All packages that have drives: for who has root. */
  async #root(message: Message, ctx: Ctx): Promise<Answer> {
    return (await allowed(ctx, message, { root: true })) ? await this.#actions.packages() : refused("NoReadCap");
  }

  /** Looks for streams that nobody uses, as long as there are any. */
  #sweep(ctx: Ctx): void {
    const { streams } = this.#actions;
    if (this.#sweeps || streams.size === 0) return;
    try {
      ctx.after(this.#limits.streamIdle, async () => {
        this.#sweeps = false;
        await streams.closeIdle(ctx.now());
        this.#sweep(ctx);
      });
      this.#sweeps = true;
    } catch {
      // This incarnation has ended, or has too many timers: the next request tries again.
    }
  }
}

/** @throws {Refusal} NoReadCap, NoWriteCap */
async function assertAllowed({ path, newPath, needs }: Asked, message: Message, ctx: Ctx): Promise<void> {
  const first = needs === "both" ? "read" : needs;
  await assertMay(first, path, message, ctx);
  if (newPath !== undefined) await assertMay("write", newPath, message, ctx);
}

async function assertMay(kind: "read" | "write", path: VfsPath, message: Message, ctx: Ctx): Promise<void> {
  const options = {
    owner: path.packageId.text,
    facts: { path: path.text },
    meets: (field: string, value: unknown) => field === "path" && isBelow(path, value),
  };
  if (await allowed(ctx, message, { kind, drive: path.drive }, options)) return;
  throw new Refusal(kind === "read" ? "NoReadCap" : "NoWriteCap");
}

/** What restricts a derived capability to a folder: `{"path":"/package:publisher/drive/folder"}`. */
function isBelow(path: VfsPath, value: unknown): boolean {
  const folder = parsePath(value);
  return folder !== undefined && (path.text === folder.text || path.text.startsWith(`${folder.text}/`));
}

/** For who made the drive, to hand on. */
function capabilitiesOf({ drive }: VfsPath, ctx: Ctx): readonly Capability[] {
  return (["read", "write"] as const).map((kind) => capability(ctx.our, JSON.stringify({ kind, drive })));
}

/** What is no answer's to say, as it may name the machine's folders, is said to whoever runs the node. */
function failed(error: unknown, ctx: Ctx): Answer {
  if (!isExpected(error)) ctx.log(`a request failed: ${error instanceof Error ? error.message : String(error)}`);
  return refused(errorBody(error));
}

function refused(error: VfsErrorBody): Answer {
  return { body: { Err: error } };
}

function reply(ctx: Ctx, message: Message, { body, blob, capabilities }: Answer): void {
  if (message.rsvp === null) return;
  try {
    ctx.respond(body, {
      to: message,
      ...(blob === undefined ? {} : { blob }),
      ...(capabilities === undefined ? {} : { capabilities }),
    });
  } catch {
    // This incarnation has ended, and its requesters have been told.
  }
}

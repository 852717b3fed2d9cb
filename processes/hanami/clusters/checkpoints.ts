/**
 * The table of checkpoints: what clusters have learnt, saved under a name by whoever owned the cluster.
 *
 * A save's process writes the file first, then its row comes into a database and memory; a file without a row is swept at
 * the next start. So no row names what is not there.
 */
import type { KvDatabase } from "jackfield/process";
import { ApiError, type Caller, type Ctx } from "../endpoint.ts";
import { mayUse, type Owned, visible } from "../owned.ts";
import { CHECKPOINTS_DRIVE } from "./asks.ts";
import type { ClusterLimits } from "./limits.ts";

/** @property uuid that of the task that saved it */
export type Checkpoint = Owned & {
  readonly uuid: string;
  readonly name: string;
  readonly createdAt: number;
  readonly bytes: number;
};

const DATABASE = "checkpoints";

export class Checkpoints {
  readonly #ctx: Ctx;
  readonly #limits: ClusterLimits;
  readonly #database: KvDatabase<string, Checkpoint>;
  readonly #rows = new Map<string, Checkpoint>();

  static async open(ctx: Ctx, limits: ClusterLimits): Promise<Checkpoints> {
    const database = await ctx.kv.open<string, Checkpoint>(DATABASE);
    const checkpoints = new Checkpoints(ctx, limits, database);
    for await (const [uuid, row] of database.entries()) checkpoints.#rows.set(uuid, row);
    return checkpoints;
  }

  private constructor(ctx: Ctx, limits: ClusterLimits, database: KvDatabase<string, Checkpoint>) {
    this.#ctx = ctx;
    this.#limits = limits;
    this.#database = database;
  }

  /** Those that `caller` may see, oldest first. */
  of(caller: Caller): readonly Checkpoint[] {
    return [...this.#rows.values()].filter((row) => mayUse(caller, row)).sort((a, b) => a.createdAt - b.createdAt);
  }

  /** @throws {ApiError} 404 */
  find(caller: Caller, uuid: unknown): Checkpoint {
    return visible(caller, this.#rows.get(String(uuid).toLowerCase()), `checkpoint ${uuid}`);
  }

  /** Looked at before a save is queued, and again when its file is there. @throws {ApiError} 400 */
  checkRoom(ownerId: string): void {
    const own = [...this.#rows.values()].filter((row) => row.ownerId === ownerId);
    const { checkpoints } = this.#limits;
    if (own.length >= checkpoints)
      throw new ApiError(400, `You have ${own.length} checkpoints, the most you may have (limit checkpoints).`);
  }

  /** Its file is there. @throws {ApiError} 400 a quota: then its file is gone */
  async adopt(made: Omit<Checkpoint, "createdAt">): Promise<void> {
    try {
      this.checkRoom(made.ownerId);
    } catch (thrown) {
      await this.#ctx.vfs.drive(CHECKPOINTS_DRIVE).remove(made.uuid);
      throw thrown;
    }
    const row: Checkpoint = { ...made, createdAt: this.#ctx.now() };
    this.#rows.set(row.uuid, row);
    await this.#database.set(row.uuid, row);
  }

  async remove({ uuid }: Checkpoint): Promise<void> {
    if (!this.#rows.delete(uuid)) return;
    await this.#database.delete(uuid);
    await this.#ctx.vfs.drive(CHECKPOINTS_DRIVE).remove(uuid);
  }

  /** Removes files that no row names: what a crash left. */
  async sweep(): Promise<void> {
    const drive = this.#ctx.vfs.drive(CHECKPOINTS_DRIVE);
    const left: string[] = [];
    for await (const { name } of drive.list()) if (!this.#rows.has(name)) left.push(name);
    for (const name of left) await drive.remove(name);
  }
}

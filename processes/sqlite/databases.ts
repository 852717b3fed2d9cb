/**
 * Which databases there are, and which of them are open.
 *
 * 1. On disk, the files say which there are. One is opened when it is asked for; when too many are, the one that was used
 *    longest ago and has nothing to do is closed.
 * 2. In memory, one that is closed is gone: it stays open until it is removed, and there are at most as many as may be open.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "jackfield/process";
import { type DatabaseRequest, Refusal } from "../database-request.ts";
import { removeDatabase, SqliteDatabase } from "./database.ts";
import { Desk } from "./desk.ts";
import type { SqliteLimits } from "./limits.ts";

const ENDING = ".db";

type Named = Pick<DatabaseRequest, "packageId" | "db">;

export class Databases {
  readonly #folder: string | null;
  readonly #ctx: Pick<Context, "after" | "now">;
  readonly #limits: SqliteLimits;
  readonly #now: () => number;
  readonly #desks = new Map<string, Desk>(); // the one used longest ago first

  /** @param before of the incarnation before: what is in memory is taken over, all else closed */
  constructor(
    folder: string | null,
    ctx: Pick<Context, "after" | "now">,
    limits: SqliteLimits,
    now: () => number,
    before?: Databases,
  ) {
    this.#folder = folder;
    this.#ctx = ctx;
    this.#limits = limits;
    this.#now = now;
    if (before === undefined) return;
    if (folder === null) this.#takeOver(before);
    else before.closeAll();
  }

  /** Nothing happens when it is there. @throws {Refusal} NameTooLong, TooManyDatabases */
  make(request: Named): void {
    const { db } = request;
    const path = this.#path(request);
    const { databases, nameLength, openDatabases } = this.#limits;
    if (db.length > nameLength) throw new Refusal({ NameTooLong: { length: db.length, max: nameLength } });
    if (this.#isThere(path)) return;
    const max = this.#folder === null ? Math.min(databases, openDatabases) : databases;
    const count = this.#folder === null ? this.#desks.size : countIn(this.#packageFolder(this.#folder, request));
    if (count >= max) throw new Refusal({ TooManyDatabases: { max } });
    this.#open(path);
  }

  /** @throws {Refusal} NoDb */
  desk(request: Named): Desk {
    const path = this.#path(request);
    const known = this.#desks.get(path);
    if (known !== undefined) {
      this.#desks.delete(path); // and to the end
      this.#desks.set(path, known);
      return known;
    }
    if (!this.#isThere(path)) throw noDb(request);
    return this.#open(path);
  }

  /** @throws {Refusal} NoDb */
  remove(request: Named): void {
    const path = this.#path(request);
    if (!this.#isThere(path)) throw noDb(request);
    this.#desks.get(path)?.close(noDb(request));
    this.#desks.delete(path);
    if (this.#folder !== null) removeDatabase(path);
  }

  closeAll(): void {
    for (const desk of this.#desks.values()) desk.close(new Refusal("Closed"));
    this.#desks.clear();
  }

  #open(path: string): Desk {
    if (this.#folder !== null && this.#desks.size >= this.#limits.openDatabases) this.#closeOne();
    const database = new SqliteDatabase(this.#folder === null ? null : path, this.#limits, this.#now);
    const desk = new Desk(database, this.#ctx, this.#limits);
    this.#desks.set(path, desk);
    return desk;
  }

  #closeOne(): void {
    for (const [path, desk] of this.#desks) {
      if (!desk.isIdle) continue;
      this.#desks.delete(path);
      desk.close(new Refusal("Closed"));
      return;
    }
    throw new Refusal("Overloaded"); // as many transactions are open
  }

  #takeOver(before: Databases): void {
    for (const [path, { database }] of before.#desks) {
      database.rollback();
      this.#desks.set(path, new Desk(database, this.#ctx, this.#limits));
    }
    before.#desks.clear();
  }

  #isThere(path: string): boolean {
    return this.#folder === null ? this.#desks.has(path) : existsSync(path);
  }

  #path(request: Named): string {
    return join(this.#packageFolder(this.#folder ?? "", request), fileName(request.db) + ENDING);
  }

  #packageFolder(folder: string, { packageId }: Named): string {
    return join(folder, packageId.publisher_node, packageId.package_name);
  }
}

/** One for each name, also where a file system takes a and A for the same. */
function fileName(db: string): string {
  const bytes = [...Buffer.from(db)];
  return bytes
    .map((byte) => (/[a-z0-9_-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : escaped(byte)))
    .join("");
}

function escaped(byte: number): string {
  return `%${byte.toString(16).padStart(2, "0")}`;
}

function countIn(folder: string): number {
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(ENDING)).length : 0;
}

function noDb({ packageId, db }: Named): Refusal {
  return new Refusal({ NoDb: [packageId, db] });
}

/**
 * The lock of a data folder: one node at a time, or two of which one hands over to the other (docs/adr/0020).
 *
 *   lock/x1y2.json  who has it, or is about to: {"pid":4711,"since":"2026-…","socket":"x1y2.sock","handOver":null,"held":true}
 *   lock/x1y2.sock  a socket that it listens on: whoever can connect knows that it lives
 *
 * 1. A starter listens, then makes its file, whole, and only then looks for others that live: if there are any it takes its
 *    file away again. Of two that start at once each has made its file before it looks, so at least one sees the other.
 *    Both may: then both try again, at different moments.
 * 2. The system closes a dead holder's socket, however it died: its file counts for nothing at once, and nobody waits,
 *    asks a person, or compares pids, which mean nothing across containers.
 * 3. While it is held nothing is written, and nobody polls.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { isAbsolute, join, relative, resolve as resolvePath } from "node:path";
import { DataFolderError } from "./data-errors.ts";

const SOCKET_PATH_MAX = 100; // bytes: macOS has room for 103, Linux for 107
const ROUNDS_MAX = 20; // each is lost to others that start in the same few milliseconds
const PAUSE = 10; // ms: longer than one takes from its file to its look; at most so long after the first round, then twice
const PAUSE_MAX = 500; // ms
const BACKLOG = 511; // visitors that wait: Node.js's own number
const LISTEN_ALONE_LAST = 24; // Node.js's major version: the last one that was looked at, see listenAlone

/** @property folder of the node's data @property handOver the port that it is ready to share; null: none */
export type LockOptions = { readonly folder: string; readonly handOver: number | null };

export interface DataLock {
  /** Lets the next one in. */
  release(): Promise<void>;
}

type Entry = {
  readonly id: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
  /** Inside the lock's folder, unless its path is absolute. */
  readonly socket: string;
  readonly handOver: number | null;
  /** false: it is still looking for others. */
  readonly held: boolean;
};

/** @throws {DataFolderError} data_locked */
export async function takeLock({ folder, handOver }: LockOptions): Promise<DataLock> {
  const lock = join(folder, "lock");
  mkdirSync(lock, { recursive: true, mode: 0o700 });
  refuseBeside(folder, (await look(lock, null)).alive, handOver); // before anything is made
  const id = newId();
  const door = await openDoor(lock, id);
  const entry = { id, pid: process.pid, since: new Date().toISOString(), socket: door.name, handOver };
  try {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      write(lock, { ...entry, held: false });
      const { alive: others, dead } = await look(lock, id);
      refuseBeside(folder, others, handOver);
      if (others.every(({ held }) => held)) {
        write(lock, { ...entry, held: true });
        sweep(lock, dead);
        return { release: () => leave(lock, id, door) };
      }
      rmSync(fileOf(lock, id), { force: true });
      const pause = Math.random() * Math.min(PAUSE_MAX, PAUSE * 2 ** round);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    throw locked(folder, `others start on it all the time: ${ROUNDS_MAX} rounds were lost, start one alone`);
  } catch (error) {
    await leave(lock, id, door);
    throw error;
  }
}

/** One that hands over lets one successor in that is to share its port. @throws {DataFolderError} there is a holder that does not */
function refuseBeside(folder: string, others: readonly Entry[], handOver: number | null): void {
  const [holder, another] = others.filter(({ held }) => held);
  if (holder === undefined) return;
  const who = ({ pid, since }: Entry): string => `process ${pid} since ${since}`;
  if (another !== undefined) {
    const both = [who(holder), who(another)].join(", and ");
    throw locked(folder, `a hand-over is under way: ${both}. Stop the older one first`);
  }
  if (handOver !== null && handOver === holder.handOver) return;
  const hint = `. It would hand over to a node with --reuse-port and its own --port ${holder.handOver}`;
  throw locked(
    folder,
    `another node has it: ${who(holder)}, stop that one first, or give this one another --data or --node${holder.handOver === null ? "" : hint}`,
  );
}

function locked(folder: string, rule: string): DataFolderError {
  return new DataFolderError("data_locked", folder, rule);
}

/** Not unpredictable, only new: node:crypto would cost a start 1.5 ms. */
function newId(): string {
  return `${process.pid}-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}

function fileOf(lock: string, id: string): string {
  return join(lock, `${id}.json`);
}

/** It is there whole, or not at all. */
function write(lock: string, { id, ...entry }: Entry): void {
  const whole = `${fileOf(lock, id)}.new`;
  writeFileSync(whole, JSON.stringify(entry), { mode: 0o600 });
  renameSync(whole, fileOf(lock, id));
}

function ids(lock: string): string[] {
  return readdirSync(lock).flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -".json".length)] : []));
}

/** Who else lives, the oldest first, and what the dead have left. @param own who asks: it need not connect to itself */
async function look(
  lock: string,
  own: string | null,
): Promise<{ readonly alive: readonly Entry[]; readonly dead: readonly Entry[] }> {
  const others = ids(lock).filter((id) => id !== own);
  const entries = others.flatMap((id) => read(lock, id) ?? []);
  const lives = await Promise.all(entries.map(({ socket }) => byShortPath(lock, socket, answers)));
  return {
    alive: entries.filter((_, index) => lives[index]).sort((a, b) => (a.since < b.since ? -1 : 1)),
    dead: entries.filter((_, index) => !lives[index]),
  };
}

/** @returns undefined: taken away meanwhile @returns one without a socket: a power cut's rest */
function read(lock: string, id: string): Entry | undefined {
  try {
    const entry = JSON.parse(readFileSync(fileOf(lock, id), "utf8")) as Entry;
    if (typeof entry.socket === "string") return { ...entry, id };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
  }
  return { id, pid: 0, since: "", socket: `${id}.none`, handOver: null, held: true };
}

/** Only who is refused, or finds nothing there, is known to be dead: one whose queue is full lives. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) =>
      resolve(!["ECONNREFUSED", "ENOENT", "ENOTSOCK"].includes(error.code ?? "")),
    );
  });
}

/** Nobody makes a file of the same name again. */
function sweep(lock: string, dead: readonly Entry[]): void {
  for (const { id, socket } of dead) {
    if (socket === `${id}.sock` || socket === sharedSocket(id)) removeSocket(lock, socket); // whoever wrote the file
    rmSync(fileOf(lock, id), { force: true });
  }
}

type Door = { readonly name: string; close(): Promise<void> };

/** Listens. In the lock's own folder, so that a node in another container that has the folder too finds it. */
async function openDoor(lock: string, id: string): Promise<Door> {
  if (process.platform === "win32") return listen(lock, `\\\\.\\pipe\\jackfield-${id}`);
  try {
    return await listen(lock, `${id}.sock`);
  } catch {
    return listen(lock, sharedSocket(id)); // a file system without sockets, as some shares are
  }
}

function sharedSocket(id: string): string {
  return join(tmpdir(), `jackfield-${id}.sock`);
}

/** On Windows it is a pipe, which ends by itself. */
function removeSocket(lock: string, name: string): void {
  if (process.platform !== "win32") rmSync(isAbsolute(name) ? name : join(lock, name), { force: true });
}

async function listen(lock: string, name: string): Promise<Door> {
  const visitors = new Set<Socket>();
  const server: Server = createServer((visitor) => {
    visitors.add(visitor);
    visitor.unref();
    visitor.on("error", () => undefined);
    visitor.on("close", () => visitors.delete(visitor));
    visitor.resume();
  });
  const listens = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.once("listening", resolve);
      listenAlone(server, path);
    });
  await byShortPath(lock, name, listens);
  server.on("error", () => undefined); // e.g. no descriptor left for a visitor, who lives without
  server.unref();
  const close = (): Promise<void> => {
    for (const visitor of visitors) visitor.destroy();
    removeSocket(lock, name); // Node removes it too, by the name it had when it was made
    return new Promise((resolve) => server.close(() => resolve()));
  };
  return { name, close };
}

/**
 * `server.listen(path)` of a program that is no worker of node:cluster. Node.js loads that to ask, with all that it starts
 * processes by: 6 ms of a start. Then it calls what is called here, which is not in its documentation: so only where it is
 * known, as a later Node.js warns of such a call and is to have it no more (nodejs/node#64794). Others are asked the long way.
 */
function listenAlone(server: Server & { _listen2?: unknown }, path: string): void {
  const listen = Number.parseInt(process.versions.node, 10) <= LISTEN_ALONE_LAST ? server._listen2 : undefined;
  if (typeof listen === "function") listen.call(server, path, -1, -1, BACKLOG);
  else server.listen(path);
}

async function leave(lock: string, id: string, door: Door): Promise<void> {
  rmSync(fileOf(lock, id), { force: true });
  await door.close();
}

/**
 * Calls `use` with a path of the socket that is short enough for the system: as it is, from here, or by a link that is
 * there for that long.
 */
async function byShortPath<Result>(
  lock: string,
  name: string,
  use: (path: string) => Promise<Result>,
): Promise<Result> {
  if (isAbsolute(name)) return use(name);
  const short = [join(lock, name), relative(process.cwd(), join(lock, name))].find(
    (path) => Buffer.byteLength(path) <= SOCKET_PATH_MAX,
  );
  if (short !== undefined) return use(short);
  const link = join(tmpdir(), `jackfield-${newId()}`);
  symlinkSync(resolvePath(lock), link);
  try {
    return await use(join(link, name));
  } finally {
    rmSync(link, { force: true });
  }
}

/**
 * What is in a data folder, and of which format: `format.json`, written once, when the folder is made.
 *
 *   {"format":1,"node":"alice.os","made":"2026-11-21T20:31:04.000Z","by":"0.1.0"}
 *
 * 1. Another number than FORMAT is refused: a newer Jackfield made it. An older one is to be moved over here.
 * 2. Before there was a format, lmdb's two files lay in the folder itself. They are moved, not copied: an older Jackfield
 *    that still has them open goes on with the same files. Whatever a crash leaves half moved, the next start goes on with.
 * 3. A folder with other things in it is nobody's to write to.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { textOf } from "../lib/protocol/index.ts";
import { DataFolderError } from "./data-errors.ts";
import { version } from "./version.ts";

const FORMAT = 1;
const FILE = "format.json";
const STORE = "data.mdb";
/** lmdb's table of readers first: who finds the data moved finds it there too. */
const OLD_FILES = ["lock.mdb", STORE];
/** What may lie there before there is a format: a crash's rest, packages that were installed first, what systems put into folders. */
const IGNORED = ["lock", "state", "packages", `${FILE}.new`, "lost+found"];

/** @param folder exists, and nobody else starts on it @throws {DataFolderError} data_format */
export function readyFormat(folder: string, node: string): void {
  const text = read(join(folder, FILE));
  const entries = readdirSync(folder);
  if (text === undefined) {
    const stranger = entries.find((name) => ![...IGNORED, ...OLD_FILES].includes(name) && !name.startsWith(`${FILE}.`));
    if (stranger !== undefined)
      throw wrong(
        folder,
        `it is no data folder of Jackfield: there is "${stranger}" and no ${FILE}. Give another --data`,
      );
    moveOld(folder);
    write(folder, { format: FORMAT, node, made: new Date().toISOString(), by: version() });
    return;
  }
  check(folder, node, text);
  if (entries.includes(STORE))
    throw wrong(
      folder,
      `an older Jackfield has been started on it since it was moved to format ${FORMAT}, and wrote ${STORE}: keep the state that you want, in state/ or there, and move the other file away`,
    );
}

function check(folder: string, node: string, text: string): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong(folder, `its ${FILE} is no JSON: ${textOf(cause)}, bring it back from a copy`, { cause });
  }
  const {
    format,
    node: owner,
    by,
  } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  if (format !== FORMAT)
    throw wrong(
      folder,
      typeof format === "number" && format > FORMAT
        ? `it has format ${format}, made by Jackfield ${String(by)}, and this is Jackfield ${version()}, which reads format ${FORMAT}: take that one or a newer one`
        : `its ${FILE} must name format ${FORMAT}: got ${JSON.stringify(format)}, bring it back from a copy`,
    );
  if (owner !== node)
    throw wrong(
      folder,
      `it is node ${JSON.stringify(owner)}'s and not "${node}"'s: addresses in it have that name, start that node`,
    );
}

function moveOld(folder: string): void {
  const old = OLD_FILES.filter((name) => existsSync(join(folder, name)));
  if (!old.includes(STORE)) return;
  const state = join(folder, "state");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  for (const name of old) renameSync(join(folder, name), join(state, name));
  sync(state);
}

function write(folder: string, format: Readonly<Record<string, unknown>>): void {
  const whole = join(folder, `${FILE}.new`);
  rmSync(whole, { force: true });
  const file = openSync(whole, "wx", 0o600);
  try {
    writeSync(file, `${JSON.stringify(format)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(whole, join(folder, FILE));
  sync(folder);
}

/** So that names survive a power cut too. */
function sync(folder: string): void {
  if (process.platform === "win32") return; // has no such thing
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function wrong(folder: string, rule: string, options?: ErrorOptions): DataFolderError {
  return new DataFolderError("data_format", folder, rule, options);
}

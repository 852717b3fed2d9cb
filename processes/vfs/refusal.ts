/** What an action ends with when it is not done: the answer's `Err`. */
import type { VfsErrorBody } from "jackfield/protocol";
import type { VfsLimitName, VfsLimits } from "./limits.ts";
import { codeOf, FileError } from "./tree.ts";

export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly body: VfsErrorBody;
  constructor(body: VfsErrorBody) {
    super(JSON.stringify(body));
    this.body = body;
  }
}

export function limitReached(limits: VfsLimits, limit: VfsLimitName): Refusal {
  return new Refusal({ LimitReached: { limit, max: limits[limit] } });
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EEXIST: "there is one of that name already",
  ENOTEMPTY: "the folder is not empty",
  ENOTDIR: "a part of the path is no folder",
  EISDIR: "a folder",
  ELOOP: "a link: drives have none",
  ENOSPC: "the disk is full",
  EACCES: "the node itself may not",
  EPERM: "the node itself may not",
  EROFS: "it can be read only",
  EMFILE: "the node has too many files open",
};

/** Whether nobody but who asked need know: it is not the node's own fault, nor its disk's. */
export function isExpected(error: unknown): boolean {
  return error instanceof Refusal || error instanceof FileError || Object.hasOwn(WORDS, codeOf(error));
}

/** In words that name no path of the machine. */
export function errorBody(error: unknown): VfsErrorBody {
  if (error instanceof Refusal) return error.body;
  if (error instanceof FileError) return { IOError: error.message };
  const code = codeOf(error);
  return { IOError: `${code}: ${WORDS[code] ?? "the system refuses"}` };
}

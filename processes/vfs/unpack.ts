/** An archive, unpacked into a folder: nothing of what is no good (archive.ts), or has no room. */
import { type Answer, OK } from "./answer.ts";
import { unzip } from "./archive.ts";
import type { Drives } from "./drives.ts";
import type { FileActions } from "./file-actions.ts";
import { kindOf, sizeOf } from "./files.ts";
import type { FolderActions } from "./folder-actions.ts";
import type { VfsLimits } from "./limits.ts";
import type { VfsPath } from "./path.ts";
import { codeOf, type Folder } from "./tree.ts";

/** What unpacking needs of the drives and their actions. */
type Parts = {
  readonly drives: Drives;
  readonly limits: VfsLimits;
  readonly folders: FolderActions;
  readonly files: FileActions;
};

/** A disk that fails in the middle leaves what it took. */
export async function unpack(
  { drives, limits, folders: folderActions, files: fileActions }: Parts,
  path: VfsPath,
  bytes: Uint8Array,
): Promise<Answer> {
  const { folders, files } = await unzip(bytes, path, limits);
  await drives.change(path, async (drive) => {
    let [more, entries] = [0, 0];
    const above = path.parts.map((_, at) => ({ ...path, parts: path.parts.slice(0, at + 1) }));
    for (const folder of [...above, ...folders]) if ((await found(drives, folder, kindOf)) === undefined) entries++;
    for (const [file, content] of files) {
      const before = await found(drives, file, (parent, name) => sizeOf({ parent, name }));
      more += content.byteLength - (before ?? 0);
      if (before === undefined) entries++;
    }
    drive.assertRoom(more, entries);
    await folderActions.makeAll(path, drive);
    for (const folder of folders) await folderActions.makeAll(folder, drive);
  });
  for (const [file, content] of files) await fileActions.replace(file, content, false);
  return OK;
}

/** @returns undefined: it is not there, or a folder on the way is not */
async function found<Result>(
  drives: Drives,
  path: VfsPath,
  look: (parent: Folder, name: string) => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await drives.at(path, ({ parent, name }) => look(parent, name));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

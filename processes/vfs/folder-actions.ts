/** What is done with folders, and what a path has, be it a folder or a file. Permission was checked before. */
import { constants } from "node:fs";
import { mkdir, readdir, rename, rmdir } from "node:fs/promises";
import type { VfsEntry } from "jackfield/protocol";
import { type Answer, assertBelow, counted, OK } from "./answer.ts";
import { type DriveState, type Drives, makeFolder, measure, removeBelow } from "./drives.ts";
import { kindOf, metadataOf, sizeOf } from "./files.ts";
import type { VfsLimits } from "./limits.ts";
import { DEPTH_MAX, type VfsPath } from "./path.ts";
import { limitReached } from "./refusal.ts";
import { FileError, type Folder, fileType, type Kind, within } from "./tree.ts";

export class FolderActions {
  readonly #drives: Drives;
  readonly #limits: VfsLimits;

  constructor(drives: Drives, limits: VfsLimits) {
    this.#drives = drives;
    this.#limits = limits;
  }

  async createDir(path: VfsPath): Promise<Answer> {
    assertBelow(path);
    await this.#drives.change(path, (drive) =>
      this.#drives.at(path, ({ parent, name }) =>
        counted(drive, 0, 1, async () => {
          await mkdir(await parent.at(name), { mode: 0o700 });
          await parent.sync(); // or a file in it that is kept would be in a folder that is not
        }),
      ),
    );
    return OK;
  }

  async createDirAll(path: VfsPath): Promise<Answer> {
    await this.#drives.change(path, (drive) => this.makeAll(path, drive));
    return OK;
  }

  async makeAll(path: VfsPath, drive: DriveState): Promise<void> {
    for (let depth = 1; depth <= path.parts.length; depth++) {
      await this.#drives.at({ ...path, parts: path.parts.slice(0, depth) }, async ({ parent, name }) => {
        if ((await kindOf(parent, name)) !== undefined) return (await parent.folder(name)).close();
        return counted(drive, 0, 1, async () => {
          await makeFolder(parent, name);
          await parent.sync();
        });
      });
    }
  }

  readDir(path: VfsPath): Promise<Answer> {
    return this.#drives.in(path, async (folder) => {
      const prefix = path.text.slice(1); // without the first slash: contract kinode §6, as the original has it
      const names = await this.#names(path, folder);
      const entries = names.map(({ name, kind }) => ({ path: `${prefix}/${name}`, file_type: kind }));
      return { body: { ReadDir: entries } };
    });
  }

  list(
    path: VfsPath,
    { after = "", limit = 0 }: { readonly after?: string; readonly limit?: number },
  ): Promise<Answer> {
    const most = Math.max(1, Math.min(limit, this.#limits.listEntries));
    return this.#drives.in(path, async (folder) => {
      const names = (await this.#names(path, folder)).filter(({ name }) => name > after);
      const entries: VfsEntry[] = [];
      for (const { name } of names.slice(0, most)) {
        const metadata = await metadataOf(folder, name);
        if (metadata !== undefined) entries.push({ name, ...metadata }); // undefined: removed since
      }
      return { body: { List: { entries, more: names.length > most } } };
    });
  }

  /** By name. */
  async #names(path: VfsPath, folder: Folder): Promise<readonly { readonly name: string; readonly kind: Kind }[]> {
    const entries = await readdir(await folder.at("."), { withFileTypes: true });
    if (entries.length > this.#limits.folderEntries) throw limitReached(this.#limits, "folderEntries");
    return entries
      .filter(({ name }) => !this.#drives.isHidden(path, name))
      .map((entry) => ({ name: entry.name, kind: fileType(entry) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async removeDir(path: VfsPath, all: boolean): Promise<Answer> {
    await this.#drives.change(path, (drive) =>
      this.#drives.at(path, async ({ parent, name }) => {
        try {
          if (all) await within(await parent.folder(name), (folder) => removeBelow(folder));
          await rmdir(await parent.at(name));
        } catch (error) {
          if (all) drive.recount();
          throw error;
        }
        if (all) drive.recount();
        else drive.add(0, -1);
        if (path.parts.length === 0) this.#drives.forget(path);
      }),
    );
    return OK;
  }

  async rename(path: VfsPath, to: VfsPath): Promise<Answer> {
    assertBelow(path);
    assertBelow(to);
    if (path.drive !== to.drive) throw new FileError("EXDEV", "another drive: copy the file, then remove it");
    await this.#drives.change(path, (drive) =>
      this.#drives.at(path, (from) =>
        this.#drives.at(to, async (place) => {
          const kind = await kindOf(from.parent, from.name);
          if (kind === "Directory" && to.parts.length > path.parts.length) {
            const { height } = await within(await from.parent.folder(from.name), (folder) => measure(folder));
            if (to.parts.length + height > DEPTH_MAX)
              throw new FileError("ENAMETOOLONG", `its folders would be more than ${DEPTH_MAX} deep`);
          } else if (kind !== "File" && kind !== "Directory" && kind !== undefined) {
            throw new FileError("ELOOP", "neither a file nor a folder");
          }
          const before = (await kindOf(place.parent, place.name)) === "File" ? await sizeOf(place) : undefined;
          await rename(await from.parent.at(from.name), await place.parent.at(place.name));
          if (before !== undefined && path.text !== to.text) drive.add(-before, -1);
          else if (kind === "Directory") drive.recount(); // it may have taken the place of an empty one
        }),
      ),
    );
    return OK;
  }

  async metadata(path: VfsPath): Promise<Answer> {
    if (path.parts.length === 0)
      return await this.#drives.in(path, async (folder) => {
        const { mtimeMs } = folder.stat();
        return { body: { Metadata: { file_type: "Directory", len: 0, modified: Math.floor(mtimeMs) } } };
      });
    return await this.#drives.at(path, async ({ parent, name }) => {
      const metadata = await metadataOf(parent, name);
      if (metadata === undefined) throw new FileError("ENOENT", "there is no such file or folder");
      return { body: { Metadata: metadata } };
    });
  }

  /** A file, or a folder: what it has, not what they have. */
  async sync(path: VfsPath): Promise<Answer> {
    if (path.parts.length === 0) {
      await this.#drives.in(path, (folder) => folder.sync());
      return OK;
    }
    await this.#drives.at(path, async ({ parent, name }) => {
      const isFolder = (await kindOf(parent, name)) === "Directory";
      const handle = isFolder ? await parent.folder(name) : await parent.file(name, constants.O_RDONLY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
      await parent.sync(); // its name
    });
    return OK;
  }

  async usage(path: VfsPath): Promise<Answer> {
    if (this.#drives.isReadOnly(path)) throw new FileError("EROFS", "it is not counted what only can be read");
    const { bytes, entries } = await this.#drives.usage(path);
    const { driveBytes, driveEntries } = this.#limits;
    return { body: { Usage: { bytes, max_bytes: driveBytes, entries, max_entries: driveEntries } } };
  }
}

/** What `npm install` leaves on a disk: bytes and packages, of what is published and what it needs to run. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)); // from dist/bench/
const TIMEOUT_MS = 180_000; // a hundred megabytes of binaries over a slow line
const run = promisify(execFile);

export type Installed = {
  /** Of all files, each once: not what a file system makes of them. */
  readonly bytes: number;
  /** All of node_modules. */
  readonly packages: number;
};

/** Packs and installs this repository, and uWebSockets.js alone. @throws {Error} npm failed, as without its registry */
export async function measureInstalled(): Promise<Readonly<Record<"uwebsockets" | "jackfield", Installed>>> {
  const { dependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const folder = await mkdtemp(join(tmpdir(), "jackfield-bench-"));
  try {
    await npm(ROOT, "pack", "--ignore-scripts", "--pack-destination", folder); // dist/ is what `npm run bench` built
    const [tarball = ""] = (await readdir(folder)).filter((file) => file.endsWith(".tgz"));
    return {
      uwebsockets: await install(join(folder, "limit"), `uWebSockets.js@${dependencies["uWebSockets.js"]}`),
      jackfield: await install(join(folder, "ours"), join(folder, tarball)),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function install(folder: string, what: string): Promise<Installed> {
  await mkdir(folder);
  await writeFile(join(folder, "package.json"), "{}");
  await npm(folder, "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", what);
  const modules = join(folder, "node_modules");
  return {
    bytes: await bytesBelow(modules),
    packages: packagesIn(await readFile(join(modules, ".package-lock.json"), "utf8")),
  };
}

/** How many packages npm wrote down. @param lock node_modules/.package-lock.json */
export function packagesIn(lock: string): number {
  return Object.keys((JSON.parse(lock) as { readonly packages: object }).packages).length;
}

/** Of all files below `folder`. */
export async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function npm(cwd: string, ...args: readonly string[]): Promise<void> {
  await run("npm", [...args, "--silent"], { cwd, timeout: TIMEOUT_MS });
}

/**
 * What `npm install` leaves on a disk: bytes and packages, of what a contender of bench/start is and what it needs to run.
 *
 * Named versions are those that package.json and bench/peers/package.json have; what these need in turn is whatever npm
 * finds that day, as for anybody who installs them.
 */
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

/** What a person installs to have one of them; Jackfield is packed as it is here. */
export const PACKAGES = {
  uwebsockets: ["uWebSockets.js"],
  ws: ["ws"],
  socketio: ["socket.io"],
  "socketio-uws": ["socket.io", "uWebSockets.js"],
  colyseus: ["@colyseus/core", "@colyseus/ws-transport"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type InstalledName = keyof typeof PACKAGES | "jackfield";

type Versions = Readonly<Record<string, string>>;

/** Installs each in a folder of its own, one after the other. @throws {Error} npm failed, as without its registry */
export async function measureInstalled(
  names: readonly InstalledName[],
): Promise<Readonly<Partial<Record<InstalledName, Installed>>>> {
  const versions = await knownVersions();
  const installed: Partial<Record<InstalledName, Installed>> = {};
  const folder = await mkdtemp(join(tmpdir(), "jackfield-bench-"));
  try {
    for (const name of names) {
      const what = name === "jackfield" ? [await pack(folder)] : specsOf(PACKAGES[name], versions);
      installed[name] = await install(join(folder, name), what);
    }
    return installed;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Of all that this repository and bench/peers name. */
async function knownVersions(): Promise<Versions> {
  const versions: Record<string, string> = {};
  for (const file of ["bench/peers/package.json", "package.json"]) {
    const { dependencies } = JSON.parse(await readFile(join(ROOT, file), "utf8")) as {
      readonly dependencies: Versions;
    };
    Object.assign(versions, dependencies);
  }
  return versions;
}

/** As `npm install` takes them. @throws {Error} a package is none that this repository names */
export function specsOf(packages: readonly string[], versions: Versions): readonly string[] {
  return packages.map((name) => {
    const version = versions[name];
    if (version === undefined) throw new Error(`Cannot install "${name}" as a package.json must name its version`);
    return `${name}@${version}`;
  });
}

/** @returns the tarball, in `folder` */
async function pack(folder: string): Promise<string> {
  await npm(ROOT, "pack", "--ignore-scripts", "--pack-destination", folder); // dist/ is what `npm run bench` built
  const [tarball = ""] = (await readdir(folder)).filter((file) => file.endsWith(".tgz"));
  return join(folder, tarball);
}

async function install(folder: string, what: readonly string[]): Promise<Installed> {
  await mkdir(folder);
  await writeFile(join(folder, "package.json"), "{}");
  await npm(folder, "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", ...what);
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
  const sizes = await Promise.all(files.map(async (file) => (await stat(pathOf(file))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Node.js 20.11 has its folder as `path` alone; later ones have `parentPath`, and warn of the other or lack it. */
function pathOf(entry: { readonly name: string; readonly parentPath?: string; readonly path: string }): string {
  return join(entry.parentPath ?? entry.path, entry.name);
}

async function npm(cwd: string, ...args: readonly string[]): Promise<void> {
  await run("npm", [...args, "--silent"], { cwd, timeout: TIMEOUT_MS });
}

/** Where the project is, and where a profile leaves its files: for DevTools and KCachegrind, not for git. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PROJECT = new URL("../../../", import.meta.url); // seen from dist/bench/profile/

/** As placeOf wants it. */
export const ROOT: string = PROJECT.href;

const OUT = "bench/profile/out/";

/** Makes the folder if need be. @returns the file's path; `shown` is the same for people */
export function outFile(name: string): { readonly path: string; readonly shown: string } {
  const folder = new URL(OUT, PROJECT);
  mkdirSync(folder, { recursive: true });
  return { path: fileURLToPath(new URL(name, folder)), shown: `${OUT}${name}` };
}

/**
 * A package on disk, whose programs are those of bench/programs, each in its placement: a process that is not inline
 * comes from a package's file. It lies in dist/bench/packages and is written anew each time, so that nothing is to be
 * removed by a contender that may be killed.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Placement } from "../../lib/protocol/index.ts";

export type PlacedEntry = {
  readonly process: string;
  /** Of bench/programs. */
  readonly program: string;
  readonly placement: Placement & string;
};

const HTTP_SERVER = "http-server:distro:sys";

/** @returns the folder of package `bench:sys` */
export function placedPackage(entries: readonly PlacedEntry[]): string {
  const name = entries.map(({ program, placement }) => `${program}-${placement}`).join("-"); // what is in it, and so the same for two at once
  const folder = fileURLToPath(new URL(`../packages/${name}`, import.meta.url));
  mkdirSync(folder, { recursive: true });
  const processes = entries.map(({ process, program, placement }) => {
    const url = new URL(`../programs/${program}.js`, import.meta.url).href; // .js: the bench runs from dist/
    writeFileSync(join(folder, `${process}.mjs`), `export { default } from ${JSON.stringify(url)};\n`);
    return {
      process_name: process,
      file: `${process}.mjs`,
      placement,
      request_capabilities: [HTTP_SERVER],
      grant_capabilities: [HTTP_SERVER],
    };
  });
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ package: "bench", publisher: "sys", processes }));
  return folder;
}

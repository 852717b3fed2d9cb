/**
 * A package in a temporary folder, whose programs are those of bench/programs, each in its placement: a process that is
 * not inline comes from a package's file.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Placement } from "../../lib/protocol/index.ts";

export type PlacedEntry = {
  readonly process: string;
  /** Of bench/programs. */
  readonly program: string;
  readonly placement: Placement;
};

const HTTP_SERVER = "http-server:distro:sys";

/** @returns the folder of package `bench:sys`; it is gone with this process */
export function placedPackage(entries: readonly PlacedEntry[]): string {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-bench-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
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

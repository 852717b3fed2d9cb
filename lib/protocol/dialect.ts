/**
 * The dialects: names that the systems of this family had for the same things (contract kinode §8).
 *
 * 1. Inside there is one spelling, Kinode's. A process says which one it speaks; what it is told is spelled that way
 *    at the edge (dialect-events.ts, dialect-results.ts). What it says is understood in any.
 * 2. The older names of a node's own processes lead to today's. Capabilities are kept and checked under today's name.
 */
import { HTTP_SERVER, ProcessId } from "./address.ts";

export const DIALECTS = ["kinode", "hyperware", "nectar", "uqbar"] as const;
/**
 * - `kinode`: the default, what this project's documents write. - `hyperware`: 2025.
 * - `nectar`: January 2024. - `uqbar`: to December 2023 (contract kinode, generation A).
 */
export type Dialect = (typeof DIALECTS)[number];

export const DEFAULT_DIALECT: Dialect = "kinode";

export function isDialect(value: unknown): value is Dialect {
  return DIALECTS.some((dialect) => dialect === value);
}

/** What the http-server is called in each. */
export const HTTP_SERVER_IN: Readonly<Record<Dialect, ProcessId>> = {
  kinode: HTTP_SERVER,
  hyperware: HTTP_SERVER,
  nectar: new ProcessId("http_server", "sys", "nectar"),
  uqbar: new ProcessId("http_server", "sys", "uqbar"),
};

/** The node's own modules, whether they are there yet or not: nobody else may take their older names. */
const MODULES = [
  "http-server",
  "http-client",
  "fd-manager",
  "kernel",
  "kv",
  "net",
  "sqlite",
  "state",
  "terminal",
  "timer",
  "vfs",
] as const;

/** An older process id → today's. Until 2024-10 names had `_` for `-`; under Uqbar and Nectar `sys` was the package. */
export const SYSTEM_ALIASES: ReadonlyMap<string, string> = new Map([
  ...MODULES.flatMap((name) =>
    ["sys:uqbar", "sys:nectar", "distro:sys"].map(
      (home) => [`${name.replaceAll("-", "_")}:${home}`, `${name}:distro:sys`] as const,
    ),
  ).filter(([alias, id]) => alias !== id),
  ["homepage:homepage:uqbar", "homepage:homepage:sys"],
  ["homepage:homepage:nectar", "homepage:homepage:sys"],
]);

/** @param id text of a process id @returns today's name of it */
export function canonicalId(id: string): string {
  return SYSTEM_ALIASES.get(id) ?? id;
}

/** @param address text of an address */
export function canonicalAddress(address: string): string {
  const start = address.indexOf("@") + 1;
  const id = address.slice(start);
  const canonical = canonicalId(id);
  return canonical === id ? address : address.slice(0, start) + canonical;
}

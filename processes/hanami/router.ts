/**
 * From a request's path to its endpoint, for all generations of clients at once.
 *
 * 1. `/control` may stand in front; then `v1` or `v1.0alpha`, and the endpoint's path. Which generation asks follows from
 *    the prefix alone.
 * 2. Older names of a path lead to its newest one, under every prefix.
 */
import type { Endpoint, Generation } from "./endpoint.ts";

export type Place = { readonly generation: Generation; readonly path: string };

const PREFIX = /^\/(control\/)?(v1|v1\.0alpha)\/(.+?)\/?$/;

/** The seed document's and G1's names of two paths. */
const ALIASES: Readonly<Record<string, string>> = {
  "mnist/dataset": "dataset/upload/mnist",
  "csv/dataset": "dataset/upload/csv",
};

/** @param path of the request, without its query @returns undefined: no path of the REST */
export function placeOf(path: string): Place | undefined {
  const [, control, version, rest] = PREFIX.exec(path) ?? [];
  if (rest === undefined) return undefined;
  const generation = version === "v1.0alpha" ? "G3" : control === undefined ? "S/G2" : "G1";
  return { generation, path: Object.hasOwn(ALIASES, rest) ? (ALIASES[rest] ?? rest) : rest };
}

export class Router {
  readonly #endpoints: ReadonlyMap<string, Endpoint>;

  /** @throws {TypeError} two of them share method and path */
  constructor(endpoints: readonly Endpoint[]) {
    const byKey = new Map<string, Endpoint>();
    for (const endpoint of endpoints) {
      const key = `${endpoint.method} ${endpoint.path}`;
      if (byKey.has(key)) throw new TypeError(`Cannot add "${key}" as there is one already`);
      byKey.set(key, endpoint);
    }
    this.#endpoints = byKey;
  }

  find(method: string, path: string): Endpoint | undefined {
    return this.#endpoints.get(`${method} ${path}`);
  }
}

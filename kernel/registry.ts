/** Names and where they lead on this node. */
import type { Dialect, ProcessId } from "../lib/protocol/index.ts";
import type { Process } from "./process.ts";

export class Registry {
  readonly #processes = new Map<string, Process>();
  readonly #aliases = new Map<string, string>();
  readonly #speakers = new Map<Dialect, number>();

  get size(): number {
    return this.#processes.size;
  }

  get(id: ProcessId): Process | undefined {
    return this.#processes.get(id.text) ?? this.#byAlias(id.text);
  }

  /** @returns false when the name is taken */
  add(process: Process): boolean {
    const name = process.address.id.text;
    if (this.#processes.has(name) || this.#aliases.has(name)) return false;
    this.#processes.set(name, process);
    this.#count(process.dialect, 1);
    return true;
  }

  /** Whether anybody here speaks it. */
  isSpoken(dialect: Dialect): boolean {
    return (this.#speakers.get(dialect) ?? 0) > 0;
  }

  /** Process only: it is about to speak another. */
  turnsTo(process: Process, dialect: Dialect): void {
    this.#count(process.dialect, -1);
    this.#count(dialect, 1);
  }

  /** `alias` leads to `name` from now on: the older names of system processes (contract kinode §8). */
  alias(alias: string, name: string): void {
    this.#aliases.set(alias, name);
  }

  /** The name that `name` is another one of; undefined: it is none. */
  aliased(name: string): string | undefined {
    return this.#aliases.get(name);
  }

  delete(process: Process): void {
    const name = process.address.id.text;
    if (this.#processes.get(name) !== process) return;
    this.#processes.delete(name);
    this.#count(process.dialect, -1);
  }

  #count(dialect: Dialect, by: 1 | -1): void {
    this.#speakers.set(dialect, (this.#speakers.get(dialect) ?? 0) + by);
  }

  /** In the order they were added. */
  all(): readonly Process[] {
    return [...this.#processes.values()];
  }

  #byAlias(name: string): Process | undefined {
    const canonical = this.#aliases.get(name);
    return canonical === undefined ? undefined : this.#processes.get(canonical);
  }
}

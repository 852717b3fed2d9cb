/**
 * What one process of the cluster keeps, while this node holds its name (docs/adr/0037 §4).
 *
 * 1. Whoever takes a name first writes what is kept there once more, as it is: every write of the holder before fails then.
 * 2. Each write is in the place of the last that this holder made or read; so they go one after the other.
 * 3. A write that was refused says that another has the name: `lost` is called, and ends the process.
 */
import type { Claims, Kept } from "./claims.ts";
import { ClusterError } from "./errors.ts";

const TOUCHES = 5; // tries: the holder before may write in between, as often as it still can

export class KeptState {
  readonly #claims: Claims;
  readonly #name: string;
  readonly #isOurs: () => boolean;
  readonly #lost: () => void;
  #revision: number;
  #last: Promise<unknown> = Promise.resolve();

  /** @param revision of the touch @param isOurs whether this node still holds the name @param lost rule 3 */
  constructor(claims: Claims, name: string, revision: number, isOurs: () => boolean, lost: () => void) {
    this.#claims = claims;
    this.#name = name;
    this.#revision = revision;
    this.#isOurs = isOurs;
    this.#lost = lost;
  }

  /** null: nothing. @throws {ClusterError} fenced (rejects); rejects when it cannot be told */
  get(): Promise<Uint8Array | null> {
    return this.#inOrder(async () => {
      const { value, revision } = await this.#claims.readKept(this.#name);
      if (revision !== this.#revision) throw this.#fenced();
      return value;
    });
  }

  /** Kept when it resolves. @throws {ClusterError} fenced, not_kept (rejects): `value` must not be changed afterwards */
  set(value: Uint8Array | null): Promise<void> {
    return this.#inOrder(async () => {
      let written: number | undefined;
      try {
        written = await this.#claims.writeKept(this.#name, value, this.#revision);
      } catch (cause) {
        written = await this.#whetherWritten(value, cause);
      }
      if (written === undefined) throw this.#fenced();
      this.#revision = written;
    });
  }

  #inOrder<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(() => {
      if (!this.#isOurs()) throw this.#fenced();
      return work();
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** It may have arrived, and its answer not. @returns undefined: another wrote */
  async #whetherWritten(value: Uint8Array | null, cause: unknown): Promise<number | undefined> {
    const rule = "what holds it does not answer: what was kept before may be there still";
    const failed = new ClusterError("not_kept", "keep the state of", this.#name, rule, { cause });
    const now = await this.#claims.readKept(this.#name).catch(() => {
      throw failed;
    });
    if (now.revision === this.#revision) throw failed;
    return isSame(now.value, value) ? now.revision : undefined;
  }

  #fenced(): ClusterError {
    this.#lost();
    return new ClusterError("fenced", "keep the state of", this.#name, "another node has that name now: this one ends");
  }
}

/** Rule 1. @returns the revision from which this holder goes on. Rejects when it cannot be told */
export async function touch(claims: Claims, name: string): Promise<number> {
  for (let tries = 0; tries < TOUCHES; tries++) {
    const { value, revision }: Kept = await claims.readKept(name);
    const written = await claims.writeKept(name, value, revision);
    if (written !== undefined) return written;
  }
  throw new ClusterError("not_told", "take", name, "its holder before goes on writing: ask again");
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0;
}

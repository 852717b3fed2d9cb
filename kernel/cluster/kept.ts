/**
 * What one process of the cluster keeps, while this node holds its name (docs/adr/0037 §4).
 *
 * 1. Whoever takes a name first writes what is kept there once more, as it is: every write of the holder before fails then.
 * 2. Each write is in the place of the last that this holder made or read; so they go one after the other.
 * 3. A write that was refused says that another has the name: `lost` is called, and ends the process.
 * 4. A write that was not answered may be carried out later. What is found then is this holder's when it is what that
 *    would have written, and the claim is this holder's still: whoever takes a name writes its claim first.
 */
import type { Claim, Claims, Kept } from "./claims.ts";
import { ClusterError } from "./errors.ts";

/** @property isEmpty nothing is kept */
export type Touched = { readonly revision: number; readonly isEmpty: boolean };

const TOUCHES = 5; // tries: the holder before may write in between, as often as it still can

export class KeptState {
  readonly #claims: Claims;
  readonly #claim: Claim;
  readonly #isOurs: () => boolean;
  readonly #lost: () => void;
  #revision: number;
  #isEmpty: boolean;
  #late: Pick<Kept, "value"> | null = null; // was not answered, and was not there when asked for
  #last: Promise<unknown> = Promise.resolve();

  /** @param touched by `touch` @param isOurs whether this node still holds the name @param lost rule 3 */
  constructor(claims: Claims, claim: Claim, touched: Touched, isOurs: () => boolean, lost: () => void) {
    this.#claims = claims;
    this.#claim = claim;
    this.#revision = touched.revision;
    this.#isEmpty = touched.isEmpty;
    this.#isOurs = isOurs;
    this.#lost = lost;
  }

  /** null: nothing. @throws {ClusterError} fenced (rejects); rejects when it cannot be told */
  get(): Promise<Uint8Array | null> {
    return this.#inOrder(async () => {
      const kept = await this.#claims.readKept(this.#name);
      if (kept.revision !== this.#revision && !(await this.#isLate(kept))) throw this.#fenced();
      return kept.value;
    });
  }

  /** Kept when it resolves. @throws {ClusterError} fenced, not_kept (rejects): `value` must not be changed afterwards */
  set(value: Uint8Array | null): Promise<void> {
    return this.#inOrder(async () => {
      let written = await this.#write(value);
      if (written === undefined && this.#late !== null && (await this.#isLate(await this.#found(value))))
        written = await this.#write(value);
      if (written === undefined) throw this.#fenced();
      this.#revision = written;
      this.#isEmpty = value === null;
      this.#late = null;
    });
  }

  /** Its process has ended: what that asked for is through. What kept nothing leaves nothing, or a bucket would fill with names. */
  async end(): Promise<void> {
    for (let last: unknown = null; last !== this.#last; await last) last = this.#last;
    if (this.#isEmpty && this.#isOurs())
      await this.#claims.eraseKept(this.#name, this.#revision).catch(() => undefined);
  }

  get #name(): string {
    return this.#claim.name;
  }

  #inOrder<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(() => {
      if (!this.#isOurs()) throw this.#fenced();
      return work();
    });
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** @returns undefined: in the place of another revision than this holder's last */
  async #write(value: Uint8Array | null): Promise<number | undefined> {
    try {
      return await this.#claims.writeKept(this.#name, value, this.#revision);
    } catch (cause) {
      const now = await this.#found(value, cause);
      if (now.revision === this.#revision) throw this.#notKept(value, cause);
      return isSame(now.value, value) && (await this.#isClaimed(value, cause)) ? now.revision : undefined;
    }
  }

  /** Rule 4. */
  async #isLate({ value, revision }: Kept): Promise<boolean> {
    const late = this.#late;
    if (late === null || !isSame(value, late.value) || !(await this.#isClaimed(late.value))) return false;
    this.#revision = revision;
    this.#isEmpty = value === null;
    this.#late = null;
    return true;
  }

  /** @param value that was to be kept */
  async #found(value: Uint8Array | null, cause?: unknown): Promise<Kept> {
    return await this.#claims.readKept(this.#name).catch((why: unknown) => {
      throw this.#notKept(value, cause ?? why);
    });
  }

  async #isClaimed(value: Uint8Array | null, cause?: unknown): Promise<boolean> {
    const claim = await this.#claims.read(this.#name).catch((why: unknown) => {
      throw this.#notKept(value, cause ?? why);
    });
    return claim?.revision === this.#claim.revision;
  }

  #notKept(value: Uint8Array | null, cause: unknown): ClusterError {
    this.#late = { value };
    const rule = "what holds it does not answer: what was kept before may be there still";
    return new ClusterError("not_kept", "keep the state of", this.#name, rule, { cause });
  }

  #fenced(): ClusterError {
    this.#lost();
    return new ClusterError("fenced", "keep the state of", this.#name, "another node has that name now: this one ends");
  }
}

/** Rule 1. @returns from what this holder goes on. Rejects when it cannot be told */
export async function touch(claims: Claims, name: string): Promise<Touched> {
  for (let tries = 0; tries < TOUCHES; tries++) {
    const { value, revision }: Kept = await claims.readKept(name);
    const written = await claims.writeKept(name, value, revision);
    if (written !== undefined) return { revision: written, isEmpty: value === null };
  }
  throw new ClusterError("not_told", "take", name, "its holder before goes on writing: ask again");
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : Buffer.compare(a, b) === 0;
}

/**
 * Who holds which name of the cluster, and what its process keeps: the border behind which NATS stands, as
 * link/directory.ts is for nodes (docs/adr/0037).
 *
 * 1. A claim names one node, and of that node one life: its start to its end. It is good while the directory has that life.
 *    Claims are not renewed: a node renews its own record alone, however many names it holds.
 * 2. Whatever is written is written in the place of what was read, by its revision: of two that do so at once, one is told.
 * 3. Any node of the cluster may write any claim and any state: whoever may come to hold a name must be able to.
 */

export type Claim = {
  /** A process id: `room/42:chat:template.os`. */
  readonly name: string;
  readonly node: string;
  readonly life: string;
  /** Of each write another than of the one before, and greater. */
  readonly revision: number;
};

/** @property revision 0: nothing was ever written */
export type Kept = { readonly value: Uint8Array | null; readonly revision: number };

export interface Claims {
  /** What is so now, not what a copy has. undefined: nobody holds it. Rejects when it cannot be told. */
  read(name: string): Promise<Claim | undefined>;
  /**
   * @param over what it takes the place of; null: nobody held it
   * @returns undefined: another was faster. Rejects when it may or may not have been written
   */
  take(name: string, holder: Pick<Claim, "node" | "life">, over: Claim | null): Promise<Claim | undefined>;
  /** Nobody holds it any more, unless another has taken it since. */
  release(claim: Claim): Promise<void>;
  readKept(name: string): Promise<Kept>;
  /** @param over the revision that it takes the place of @returns its own; undefined: another wrote since, and nothing was */
  writeKept(name: string, value: Uint8Array | null, over: number): Promise<number | undefined>;
  /** Of a name that keeps nothing, nothing stays, unless another wrote since: its revision is 0 then. */
  eraseKept(name: string, revision: number): Promise<void>;
  /** For people. */
  readonly where: string;
}

/**
 * Where the nodes of a cluster write what others are to know of them: the border behind which NATS stands, as wire.ts is
 * for frames. NatsDirectory (nats-directory.ts) is one; without one a node knows only whom it is given the name of.
 *
 * 1. The directory vouches that a record was written by the node that it is of. What it says is that node's word.
 * 2. Nothing tells that a record has become old, nor that one is gone: who reads compares `at`.
 */

export type DirectoryRecord = {
  /** The node that wrote it. */
  readonly node: string;
  /** Of each record another than of the one before. */
  readonly revision: number;
  /** Milliseconds since the Unix epoch when it was written, by the directory's clock: one for all, and no node's. */
  readonly at: number;
  readonly text: string;
};

export interface Directory {
  /** May be called again after it failed. @throws {DirectoryError} (rejects) there is none to be had */
  open(): Promise<void>;
  /** In place of this node's record. @returns its revision. Rejects when it may not have been written. */
  put(text: string): Promise<number>;
  /** This node's record is no more. */
  remove(): Promise<void>;
  /** What is so now, of one node, not what a copy has. undefined: there is none. Rejects when it cannot be told. */
  readOne(node: string): Promise<DirectoryRecord | undefined>;
  /** All there are, `most` at most; the others it leaves out. Rejects when it cannot be reached. */
  read(most: number): Promise<readonly DirectoryRecord[]>;
  close(): Promise<void>;
  /** For people: `nats://127.0.0.1:4222`. */
  readonly where: string;
}

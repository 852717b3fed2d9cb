/**
 * What carries durable messages between nodes: the border behind which JetStream stands (link/nats-durable.ts), and
 * memory in tests.
 *
 * 1. What `publish` was fulfilled for is kept, for as long as it takes, until the other node has taken it.
 * 2. It comes at least once; of one node in the order published, each time: nothing overtakes what was not yet taken.
 * 3. Which node it is of, the lane says; what the bytes say is that node's word.
 */

export interface DurableLane {
  /** For people. */
  readonly where: string;
  /**
   * @param take one at a time; fulfilled with whether it may be forgotten there. Never rejects
   * @param had this node has had it, now or in a life before: what only seems to be missing is not made anew
   * @throws {DurableError} (rejects) it cannot be had now: it may be opened again
   */
  open(take: (from: string, bytes: Uint8Array) => Promise<boolean>, had: boolean): Promise<void>;
  /** @throws {Error} (rejects) it may or may not be kept, or be kept yet: it is published again, and may come twice */
  publish(to: string, bytes: Uint8Array): Promise<void>;
  /** What came and was no delivery. */
  readonly dropped: number;
  /** Takes nothing more. */
  close(): Promise<void>;
}

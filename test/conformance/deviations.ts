/**
 * Where a transport does other than its library's rival, or than the RFC asks: the rows of PROTOCOL.md §14, by name.
 * A case that meets one says so; conformance.test.ts checks that each is met by a case and stands in that table.
 */
import type { TransportName } from "../../http-server/index.ts";

export type Deviation =
  | "silent"
  | "emptyClose"
  | "closeByte"
  | "closeCodes"
  | "unmasked"
  | "mixed"
  | "controlBit"
  | "lastBlock"
  | "frames";

/** Whose it is. */
export const DEVIATIONS: Readonly<Record<Deviation, TransportName>> = {
  silent: "uws",
  emptyClose: "uws",
  closeByte: "uws",
  closeCodes: "uws",
  unmasked: "uws",
  mixed: "uws",
  controlBit: "uws",
  lastBlock: "uws",
  frames: "ws",
};

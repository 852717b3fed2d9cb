/** Compressing one message, where a socket has negotiated it: RFC 7692 §7.2.1, nothing kept between messages. */
import { constants, deflateRawSync } from "node:zlib";

const TAIL = 4; // bytes: the 00 00 ff ff of a flush, which the receiver adds again

/** Bytes. */
export function sizeOf(data: string | Uint8Array | ArrayBuffer): number {
  return typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
}

/** The payload of a compressed message. */
export function deflateMessage(data: string | Uint8Array | ArrayBuffer): Buffer {
  const deflated = deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH });
  return deflated.subarray(0, deflated.byteLength - TAIL);
}

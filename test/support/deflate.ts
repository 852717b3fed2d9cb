/** A client's side of permessage-deflate (RFC 7692 §7.2), done with node:zlib by hand. */
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";

/** RSV1, for `encodeFrame`'s `reserved`. */
export const RSV1 = 0x40;

/** The usual offer of Chrome. */
export const OFFER = "permessage-deflate; client_max_window_bits";

/** A whole message as one compressed payload. */
export function deflate(data: string | Uint8Array, options: { readonly windowBits?: number } = {}): Buffer {
  return deflateRawSync(data, { ...options, finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

/** @throws {Error} it is no message compressed by itself */
export function inflate(payload: Uint8Array): Buffer {
  const tail = [0x00, 0x00, 0xff, 0xff];
  return inflateRawSync(Buffer.concat([payload, Buffer.from(tail)]), { finishFlush: constants.Z_SYNC_FLUSH });
}

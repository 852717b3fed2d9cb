/** The limits that cases go up to: the defaults. */
import { httpServerLimits } from "../../http-server/limits.ts";

const limits = httpServerLimits();

/** Of a client's message; as much may be pushed. */
export const MESSAGE_BYTES: number = limits.messageBytes;
/** A frame of as many is compressed. */
export const COMPRESS_BYTES: number = limits.compressBytes;

/** Limits of uploads and of handshakes: rows of processes/hanami/limits.ts. */
import { type Limit, type LimitValues, limit } from "jackfield/protocol";

const KIB = 1024;
const MIB = 1024 * KIB;

export const UPLOAD_LIMITS = {
  // handshakes
  handshakes: limit(1_000, "sockets", 1, 100_000, "that have not said yet what they are for"),
  handshakeTries: limit(5, "messages", 1, 1_000, "to say it: each costs a look at a token"),
  handshakeSeconds: limit(60, "s", 1, 3_600, "to say it; the SDK says it at once"),
  handshakeBytes: limit(16 * KIB, "bytes", 256, MIB, "of that message: a token and a uuid"),
  // uploads
  parts: limit(256, "parts", 1, 10_000, "of all users, not finalized: each is a process and a file, and may be open"),
  partSockets: limit(4, "sockets", 1, 64, "on one part; each may have chunkBytes waiting for the disk"),
  chunkBytes: limit(
    2 * MIB,
    "bytes",
    KIB,
    3 * MIB,
    "of one chunk, and of a socket's that wait for the disk: 16 of 128 KiB",
  ),
  chunksWaiting: limit(
    256,
    "chunks",
    1,
    1_000,
    "of one socket that wait for the disk, refused ones too; then it is closed",
  ),
  partRanges: limit(1_024, "ranges", 1, 1_024, "of a part that are there with gaps between them; kept in its file"),
  partIdleSeconds: limit(600, "s", 1, 7 * 86_400, "without a socket, then a part is removed: upstream's ten minutes"),
} as const satisfies Readonly<Record<string, Limit>>;

export type UploadLimits = LimitValues<typeof UPLOAD_LIMITS>;

/** Every limit of vfs:distro:sys: default, unit, bounds and reason. */
import { type Limit, type LimitValues, limit, resolveLimits } from "jackfield/protocol";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

export const VFS_LIMITS: Readonly<Record<VfsLimitName, Limit>> = {
  driveBytes: limit(GIB, "bytes", 0, 1024 * GIB, "what the files of one drive may have together: disks are shared"),
  driveEntries: limit(100_000, "files and folders", 0, 10_000_000, "in one drive: each costs the disk an inode"),
  drives: limit(64, "drives", 1, 65_536, "of one package: the name of each is known for good"),
  wholeBytes: limit(
    64 * MIB,
    "bytes",
    1,
    GIB,
    "one read or write: it is held whole in memory; larger ones are streamed",
  ),
  listEntries: limit(1000, "entries", 1, 100_000, "one page of a listing"),
  folderEntries: limit(
    100_000,
    "entries",
    1,
    10_000_000,
    "in a folder that is listed: its names are held to be sorted",
  ),
  cursors: limit(256, "files", 1, 65_536, "that one process has opened and not closed: a number each"),
  cursorsTotal: limit(
    65_536,
    "files",
    1,
    1_048_576,
    "of all processes; then whoever used theirs longest ago loses them",
  ),
  streams: limit(16, "streams", 1, 1024, "of one process: each has a file open"),
  streamsTotal: limit(256, "streams", 1, 65_536, "of all processes: the system's usual allowance is 1,024 open files"),
  streamIdle: limit(60_000, "ms", 10, 3_600_000, "without a piece, then a stream is closed: its process may be gone"),
  atOnce: limit(64, "requests", 1, 1024, "of all processes at work: each has some files open, and libuv has 4 threads"),
  queued: limit(256, "requests", 1, 65_536, "of one process that wait for its earlier ones"),
  queuedBytes: limit(256 * MIB, "bytes", 1, 64 * GIB, "in requests that wait for the disk, of all processes"),
  zipBytes: limit(256 * MIB, "bytes", 1, 4 * GIB, "what one archive may unpack to"),
  zipEntries: limit(10_000, "entries", 1, 1_000_000, "in one archive"),
};

export type VfsLimitName =
  | "driveBytes"
  | "driveEntries"
  | "drives"
  | "wholeBytes"
  | "listEntries"
  | "folderEntries"
  | "cursors"
  | "cursorsTotal"
  | "streams"
  | "streamsTotal"
  | "streamIdle"
  | "atOnce"
  | "queued"
  | "queuedBytes"
  | "zipBytes"
  | "zipEntries";

export type VfsLimits = LimitValues<typeof VFS_LIMITS>;

/** @throws {OptionError} */
export function vfsLimits(overrides: Readonly<Record<string, number | undefined>> = {}): VfsLimits {
  return resolveLimits(VFS_LIMITS, overrides);
}

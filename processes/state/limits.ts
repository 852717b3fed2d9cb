/** The limits of state:distro:sys. */

/** bytes: it is rewritten as a whole each time, and held in memory while it is; what is larger wants a file. */
export const VALUE_MAX = 64 * 1024 * 1024;

/** bytes: of a process of the cluster, one message to the NATS servers, which take 1 MB (`max_payload`). */
export const CLUSTER_VALUE_MAX = 512 * 1024;

/** bytes: lmdb takes 1,978 with its own encoding, and a terminator; what is longer is kept under its hash. */
export const KEY_MAX = 1900;

/** writes that may be on their way to the disk at once; the next one waits, and so does the mailbox behind it. */
export const WRITES_MAX = 256;

/** bytes of these together, and one value more: they are in memory until they are on the disk. */
export const WRITES_BYTES_MAX = 128 * 1024 * 1024;

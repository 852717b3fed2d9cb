/** Every limit of the kernel: default, unit, bounds and reason. Set them with `limits` in the config or `--limit name=value`. */
import { type Limit, type LimitValues, limit, resolveLimits } from "../lib/protocol/index.ts";

export const KERNEL_LIMITS: Readonly<Record<KernelLimitName, Limit>> = {
  mailbox: limit(4096, "envelopes", 1, 1_048_576, "what one process may leave waiting: at 1 µs each, 4 ms behind"),
  systemMailbox: limit(262_144, "envelopes", 1, 4_194_304, "a handler may push to every channel of a node at once"),
  overloadNotice: limit(1_000, "ms", 0, 3_600_000, "a process whose mailbox is full is told of once in this time"),
  pendingRequests: limit(65_536, "requests", 1, 1_048_576, "answers one process may wait for; each holds its body"),
  timers: limit(10_000, "timers", 1, 1_048_576, "timers one process may have running"),
  requestSeconds: limit(
    86_400,
    "seconds",
    1,
    31_536_000,
    "longest wait for an answer; an id and a body are held as long",
  ),
  turnSteps: limit(1024, "messages", 1, 1_048_576, "handled before sockets and timers get their turn, about 1 ms"),
  deadLetters: limit(256, "letters", 0, 65_536, "last ones kept to look at; all are counted"),
  crashReports: limit(100, "reports", 0, 65_536, "last ones kept to look at"),
  poisonCrashes: limit(3, "crashes", 2, 1000, "by one sender's same action within poisonWindow: reported as poison"),
  poisonWindow: limit(60_000, "ms", 1, 86_400_000, "see poisonCrashes; long enough for three back-offs"),
  logLines: limit(2_000, "lines", 0, 65_536, "last ones of all processes together, kept to look at"),
  logLineChars: limit(4_096, "characters", 80, 1_048_576, "kept of one line; a stack of ten frames fits"),
  capabilities: limit(10_000, "capabilities", 1, 1_048_576, "gained by one process while it runs; all are kept"),
  processes: limit(100_000, "processes", 1, 4_194_304, "a process that spawns without end stops here"),
  restarts: limit(8, "restarts", 0, 1000, "more than these within restartWindow and a process is given up"),
  restartWindow: limit(60_000, "ms", 1, 86_400_000, "see restarts; 8 back-offs from 200 ms take 25 s"),
  restartDelay: limit(200, "ms", 1, 3_600_000, "first back-off, after one restart at once; doubles each time"),
  restartDelayMax: limit(30_000, "ms", 1, 3_600_000, "longest back-off"),
  farewell: limit(
    5_000,
    "ms",
    0,
    600_000,
    "what stopping or restarting a process, its children included, waits for the message in hand and its farewell",
  ),
  monitors: limit(10_000, "processes", 1, 1_048_576, "others that one process may monitor"),
  familyDepth: limit(256, "generations", 1, 1_000, "a process whose children spawn children without end stops here"),
  realmMessages: limit(4096, "messages", 1, 1_048_576, "on their way to one process in a thread or process of its own"),
  realmBytes: limit(16, "MiB", 1, 4096, "of memory that these may hold"),
  realms: limit(
    256,
    "realms",
    1,
    65_536,
    "threads and processes that placed processes run in; a thread takes 15 MB, a process 58",
  ),
  isolatedHeap: limit(
    256,
    "MiB",
    16,
    65_536,
    "JavaScript objects of one isolated process; it ends alone when they are more",
  ),
  isolatedMemory: limit(512, "MiB", 48, 1_048_576, "all memory of one isolated process, looked at every 100 ms"),
  handlerSeconds: limit(
    5,
    "seconds",
    1,
    86_400,
    "a handler may block its worker or isolated process; it is ended then",
  ),
  realmStartSeconds: limit(30, "seconds", 1, 3600, "a worker or isolated process may take to start; usually 0.1"),
  drain: limit(5_000, "ms", 0, 600_000, "what stopping waits for messages in hand and in mailboxes"),
  linkWindow: limit(1_024, "KiB", 64, 65_536, "on their way to one node that it has not said it has"),
  linkQueue: limit(
    10_000,
    "messages",
    1,
    1_048_576,
    "waiting for room in the window of one node; one more: Overloaded",
  ),
  linkQueueBytes: limit(16, "MiB", 1, 4_096, "that these may hold"),
  linkMessage: limit(64, "MiB", 1, 1_024, "largest message to another node: it is held whole on both"),
  linkGrace: limit(2_000, "ms", 0, 600_000, "messages wait for a link that broke; then they are Offline"),
  directoryBeat: limit(
    10_000,
    "ms",
    50,
    3_600_000,
    "a node says that it is there: 10,000 nodes write 1,000 times a second",
  ),
  directoryGone: limit(30_000, "ms", 100, 10_800_000, "not heard of for so long, a node is gone: three beats"),
  linkRate: limit(200_000, "frames", 1, 10_000_000, "of one node taken in a second; the window keeps others below"),
  linkRateBytes: limit(1_024, "MiB", 1, 65_536, "of one node taken in a second; what is beyond is as if lost"),
  linkAsked: limit(65_536, "requests", 1, 1_048_576, "of one node that wait for an answer here; one more: Overloaded"),
  durableMessage: limit(384, "KiB", 1, 384, "largest durable message: one publish, and a server may take 512 KiB"),
  durableOut: limit(100_000, "messages", 1, 10_000_000, "kept for other nodes; one more: Overloaded. 100 bytes each"),
  durableOutBytes: limit(256, "MiB", 1, 1_048_576, "of disk that these may take"),
  durableIn: limit(
    100_000,
    "messages",
    1,
    10_000_000,
    "kept for processes here; then no more are taken from other nodes",
  ),
  durableInBytes: limit(256, "MiB", 1, 1_048_576, "of disk that these may take"),
  durableAbsent: limit(
    10_000,
    "messages",
    0,
    10_000_000,
    "of these, for processes that are not there; one more: offline",
  ),
  durableAge: limit(168, "hours", 1, 87_600, "a durable message that is older is a dead letter: a week"),
  durableInFlight: limit(
    64,
    "nodes",
    1,
    10_000,
    "that messages are on their way to at once, each durableMessage at most",
  ),
  durableRetry: limit(100, "ms", 1, 3_600_000, "first back-off of what a server or the disk did not take; doubles"),
  durableRetryMax: limit(5_000, "ms", 1, 3_600_000, "longest of these: a stream that elects a leader takes up to 7 s"),
  durableMarks: limit(
    10_000,
    "outboxes",
    1,
    1_000_000,
    "of other nodes known by their last message; a wiped one is another",
  ),
};

export type KernelLimitName =
  | "mailbox"
  | "systemMailbox"
  | "overloadNotice"
  | "pendingRequests"
  | "timers"
  | "requestSeconds"
  | "turnSteps"
  | "deadLetters"
  | "crashReports"
  | "poisonCrashes"
  | "poisonWindow"
  | "logLines"
  | "logLineChars"
  | "capabilities"
  | "processes"
  | "restarts"
  | "restartWindow"
  | "restartDelay"
  | "restartDelayMax"
  | "farewell"
  | "monitors"
  | "familyDepth"
  | "realmMessages"
  | "realmBytes"
  | "realms"
  | "isolatedHeap"
  | "isolatedMemory"
  | "handlerSeconds"
  | "realmStartSeconds"
  | "drain"
  | "linkWindow"
  | "linkQueue"
  | "linkQueueBytes"
  | "linkMessage"
  | "linkGrace"
  | "directoryBeat"
  | "directoryGone"
  | "linkRate"
  | "linkRateBytes"
  | "linkAsked"
  | "durableMessage"
  | "durableOut"
  | "durableOutBytes"
  | "durableIn"
  | "durableInBytes"
  | "durableAbsent"
  | "durableAge"
  | "durableInFlight"
  | "durableRetry"
  | "durableRetryMax"
  | "durableMarks";

export type KernelLimits = LimitValues<typeof KERNEL_LIMITS>;

/** @throws {OptionError} */
export function kernelLimits(overrides: Readonly<Record<string, number | undefined>> = {}): KernelLimits {
  return resolveLimits(KERNEL_LIMITS, overrides);
}

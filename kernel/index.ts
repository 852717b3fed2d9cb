/** The runtime: processes and messages, never sockets. The only file of this folder that others import. */
export type { CapabilityEpoch } from "./capabilities.ts";
export type { CapabilityFacts, CapabilityStore } from "./capability-records.ts";
export type { CrashDecision, CrashMessage, CrashReport, CrashStore } from "./crash-reports.ts";
export type { DeadLetter, DeadLetterReason } from "./dead-letters.ts";
export { CommandError, FamilyError, LimitError, PackageError, ProcessExitedError, SpawnError } from "./errors.ts";
export type { EndReason, KernelEvent, KernelListener } from "./events.ts";
export { randomId } from "./id.ts";
export type { Keeper } from "./keepers.ts";
export { Kernel, type KernelOptions, type RegisterOptions } from "./kernel.ts";
export { lazyProgram } from "./lazy-program.ts";
export { KERNEL_LIMITS, type KernelLimitName, type KernelLimits } from "./limits.ts";
export { type LogKind, type LogLine, poisonText } from "./logs.ts";
export { type AddProcessOptions, createNode, Node, type NodeOptions } from "./node.ts";
export { type ManifestEntry, type Package, type PackageManifest, readPackage } from "./package.ts";
export { PlacedProgram } from "./placement/placed-program.ts";
export type { Process } from "./process.ts";
export type { RunQueue } from "./run-queue.ts";
export { Alarm, TimerWheel, WheelEntry } from "./timer-wheel.ts";

/**
 * Parents, children, and those who watch each other: what a process may ask about them, and what it is told.
 *
 * 1. Any process that one may message can be monitored. Only children, and theirs, can be linked or stopped.
 * 2. A monitor and what it has told belong to the incarnation that asked; a link lasts until either is gone for good.
 */

/**
 * Why an incarnation ended.
 * - `exit`: it called `exit()`. `crash`: a throw, or its place failed. `kill`: somebody ended it at once.
 * - `stop`: its parent, or the node, stopped it. `parent`: its parent ended. `link`: one it was linked to crashed for good.
 * - `restart`: a person had it restarted.
 */
export type EndReason = "exit" | "crash" | "kill" | "stop" | "parent" | "link" | "restart";

/** How long a spawned process lives at most. See SpawnOptions.lifetime. */
export type Lifetime = "incarnation" | "parent" | "node";

/** At most `max` restarts within `seconds`; one more and the process is given up. */
export type RestartIntensity = { readonly max: number; readonly seconds: number };

/** How a process that is to be stopped ended: in peace, at the end of its time, or before. */
export type Stopped = "stopped" | "killed" | "gone";

export type Child = { readonly process: string; readonly state: string; readonly incarnation: number };

/**
 * The body of what a monitor tells, as `{ ProcessDown: … }`, from kernel:distro:sys.
 * @property process its id @property incarnation which one ended, from 1; 0: it was not there
 * @property reason `gone`: it was not there when the monitor was set
 * @property restarts the next incarnation follows, and its end is told too; false: it is gone for good
 * @property gave_up it ended more often than its restart limits allow
 */
export type ProcessDown = {
  readonly process: string;
  readonly incarnation: number;
  readonly reason: EndReason | "gone";
  readonly restarts: boolean;
  readonly gave_up: boolean;
};

export type FamilyCommand =
  /** → null. A second one changes nothing. One that is not there is told as down at once. */
  | { readonly Monitor: { readonly process: string } }
  /** → null. Nothing it has told is still to come. */
  | { readonly Demonitor: { readonly process: string } }
  /** → null */
  | { readonly Link: { readonly process: string } }
  | { readonly Unlink: { readonly process: string } }
  /** → Stopped, when it is gone. Default limits.stopChildren. */
  | { readonly StopChild: { readonly process: string; readonly seconds?: number } }
  /** → Child[], in the order of their start. */
  | { readonly Children: null };

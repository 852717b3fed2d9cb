/** The ways in which a soak crashes processes. One more is a line here. */
import type { OwnCrash } from "./break-down.ts";

export type Victims = {
  /** Sends it `{ crash }`. */
  tell(victim: string, crash: OwnCrash): void;
  /** Ends it whatever it does, and starts another of that name after `ms`. */
  kill(victim: string, ms: number): void;
};

export type CrashKind = {
  readonly name: string;
  /** Whom it can hit; left out: every victim. */
  readonly hits?: (victim: string) => boolean;
  readonly make: (victims: Victims, victim: string) => void;
};

const DOWN_MS = 100; // how long a name leads nowhere: requests to it are Offline meanwhile

/** In a thread or an operating-system process of its own. */
export function isPlaced(victim: string): boolean {
  return /^(worker|isolated)-/.test(victim);
}

export const CRASH_KINDS: readonly CrashKind[] = [
  { name: "throw", make: (victims, victim) => victims.tell(victim, "throw") },
  { name: "reject", make: (victims, victim) => victims.tell(victim, "reject") },
  { name: "timer", make: (victims, victim) => victims.tell(victim, "timer") },
  { name: "exit", make: (victims, victim) => victims.tell(victim, "exit") },
  // With a request in hand that somebody waits for: Offline.
  {
    name: "in hand",
    hits: (victim) => !/^(echo|http)-/.test(victim),
    make: (victims, victim) => victims.tell(victim, "next"),
  },
  // These would stop, or end, the node if they ran in it.
  { name: "block", hits: isPlaced, make: (victims, victim) => victims.tell(victim, "block") },
  { name: "quit", hits: isPlaced, make: (victims, victim) => victims.tell(victim, "quit") },
  {
    name: "memory",
    hits: (victim) => victim.startsWith("isolated-"), // a thread would take the node along
    make: (victims, victim) => victims.tell(victim, "memory"),
  },
  { name: "kill", make: (victims, victim) => victims.kill(victim, DOWN_MS) },
];

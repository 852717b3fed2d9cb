/** The ways in which a soak crashes processes. One more is a line here. */
import type { OwnCrash } from "./programs.ts";

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
  { name: "kill", make: (victims, victim) => victims.kill(victim, DOWN_MS) },
];

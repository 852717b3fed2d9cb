/** What a contender's script is told: one argument, in JSON. */

/**
 * What a server does with each message: sends it back; changes a field of it; asks a second process about it first;
 * what an application does (contenders/app.ts).
 */
export type Work = "echo" | "json" | "ask" | "app";

export type Told = {
  readonly work: Work;
  /** What carries it, where the contender has a choice. */
  readonly transport: "uws" | "ws";
  /** Where the process that does the work runs, where the contender has a choice. */
  readonly placement: "inline" | "worker" | "isolated";
  /** How many clients will come: some servers make them places first. */
  readonly connections: number;
};

/** @throws {SyntaxError} the script was not started by the bench */
export function told(): Told {
  return JSON.parse(process.argv[2] ?? "") as Told; // contender.ts wrote it
}

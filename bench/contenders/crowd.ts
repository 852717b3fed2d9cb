/** What a contender of many sockets can be asked, whatever it is made of. */
import { setTimeout as sleep } from "node:timers/promises";
import { answer } from "../conversation.ts";
import { collectTwice } from "./collect.ts";

const POLL_MS = 2;

/** What it is told: one argument, in JSON. */
export type CrowdTold = {
  /** With each message: sends it back, or to everyone. `tick`: it publishes by the clock, and hears nothing. */
  readonly does: "echo" | "publish" | "tick";
  /** Of what it publishes by the clock. */
  readonly bytes: number;
  /** What carries it, where the contender has a choice. */
  readonly transport: "uws" | "ws";
  /** How many clients will come at most: some servers make them places first. */
  readonly connections: number;
};

/** @throws {SyntaxError} the script was not started by the bench */
export function toldCrowd(): CrowdTold {
  return JSON.parse(process.argv[2] ?? "") as CrowdTold; // crowd.ts wrote it
}

/**
 * How many ports it listens on. For each address a client connects to, Linux tries the even half of 28,000 ports one by
 * one before the odd ones: with 19,000 connections to one port that search was 85 % of the load's time. A topic is
 * published on each port by itself, so there one has to do.
 */
export function portsFor({ does }: CrowdTold): number {
  return does === "echo" ? 4 : 1;
}

/** @param open how many sockets it has open, and how many channels: the same where there is no difference */
export function answerCrowd(open: () => { readonly sockets: number; readonly channels: number }): void {
  answer({
    collect: async () => ({ heapUsed: await collectTwice(), ...open() }),
    empty: async () => {
      while (open().sockets > 0) await sleep(POLL_MS);
      return open();
    },
  });
}

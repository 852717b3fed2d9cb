/**
 * The load of a profile: an exact number of messages, or as many as some time holds.
 *
 * 1. Its one argument is a LoadJob; then it answers questions (conversation.ts). Each answer is how many messages
 *    were sent and came back: between two questions the server has nothing to do.
 * 2. Each connection sends its messages in bursts and waits for all echoes of one before the next. The server so reads
 *    a whole burst at a time, however slow it is, and does the same work in every run.
 * 3. Connections come one after another: under valgrind a hundred at once would not register in time.
 */
import { answer, fail } from "../conversation.ts";
import { Connection } from "../load/connection.ts";
import { frameBatches } from "../load/frames.ts";
import type { Talk } from "../load/job.ts";
import { readTalk } from "../load/wire.ts";

export type LoadJob = {
  readonly port: number;
  readonly talk: Talk;
  readonly connections: number;
  /** Messages of a burst. */
  readonly inflight: number;
};

const { port, talk, connections: count, inflight } = JSON.parse(process.argv[2] ?? "") as LoadJob; // rig.ts wrote it
const wire = readTalk(talk);
const batches = frameBatches(wire.message.opcode, wire.message.payload, inflight);

const opened: Promise<readonly Connection[]> = open();
opened.catch(fail);

answer({
  /** Resolves to how many there are. */
  connect: async () => (await opened).length,
  /** So many bursts on each connection. */
  bursts: (bursts) => sendBursts((sent) => sent < bursts),
  /** Bursts for so many milliseconds. */
  run: (ms) => {
    const until = performance.now() + ms;
    return sendBursts(() => performance.now() < until);
  },
});

async function open(): Promise<readonly Connection[]> {
  const all: Connection[] = [];
  while (all.length < count) all.push(await openOne(wire.paths[all.length % wire.paths.length] ?? "/"));
  return all;
}

function openOne(path: string): Promise<Connection> {
  return new Promise((resolve) => {
    const connection: Connection = new Connection({
      port,
      path,
      talk: wire,
      inflight,
      batches,
      onReady: () => resolve(connection),
      onEcho: () => {},
      onFailure: fail,
    });
  });
}

/** @param goesOn asked by each connection before each burst, with how many it has sent */
async function sendBursts(goesOn: (sent: number) => boolean): Promise<number> {
  const sent = (await opened).map(async (connection) => {
    let bursts = 0;
    for (; goesOn(bursts); bursts += 1) await connection.burst();
    return bursts * inflight;
  });
  return (await Promise.all(sent)).reduce((sum, each) => sum + each, 0);
}

/**
 * What the messages of a server allocate, to the byte.
 *
 * 1. The young generation is so large that nothing is collected while messages are counted: the heap grows by what they
 *    allocate. Fewer messages are counted first, and the difference is divided: what is not the messages' cancels out.
 * 2. Objects are then counted one by one, with the function that made them, in the same way. For that V8 must not make
 *    several in one go: allocation folding is off. Bytes are the same with it.
 * 3. The compiler works in the server's own thread (--single-threaded), as in instructions.ts. Even so V8 inlines now one
 *    way, now another, and spares an object or not: in 7 runs of echo a message allocated 304 bytes, in 5 it was 344.
 */
import { writeFileSync } from "node:fs";
import { type HeapProfile, type Made, madePerMessage, type Sampled } from "./heap-profile.ts";
import { outFile, ROOT } from "./out.ts";
import type { Grown } from "./probe.ts";
import { PROBED } from "./probed.ts";
import { messagesIn, type Rig, withRig } from "./rig.ts";
import type { Subject } from "./settings.ts";

const FLAGS = [
  "--single-threaded",
  "--random-seed=1",
  "--no-turbo-allocation-folding",
  ...["--min-semi-space-size=256", "--max-semi-space-size=256"], // MB
];

/** Per connection; see messagesIn. */
const WARMUP_BURSTS = 300; // 480,000 messages: V8 has long compiled what is hot
const GROW_BURSTS = { short: 5, long: 25 }; // V8 collects when four fifths are full: 40,000 messages may have 5 kB each
const SAMPLE_BURSTS = { short: 5, long: 15 }; // each object is an entry of the profile
const SETTLING_BURSTS = 5; // the first messages that are sampled are unlike the rest
const TRIES = 3; // to be between two collections

const SEEN_LEAST = 0.005; // objects per message: less often than every 200th it is no message's

/** Per message. */
export type Allocations = {
  readonly heapBytes: number;
  readonly objects: number;
  /** Memory of ArrayBuffers, which is outside the heap. */
  readonly bufferBytes: number;
  /** Most bytes first. */
  readonly functions: readonly Made[];
  /** The longer of both profiles, for DevTools. */
  readonly file: string;
};

export async function countAllocations(subject: Subject): Promise<Allocations> {
  const command = (script: readonly string[]): string[] => [process.execPath, ...FLAGS, ...PROBED, ...script];
  return await withRig(subject, command, async (rig) => {
    await rig.bursts(WARMUP_BURSTS);
    const less = await grow(rig, GROW_BURSTS.short);
    const more = await grow(rig, GROW_BURSTS.long);
    const messages = messagesIn(GROW_BURSTS.long - GROW_BURSTS.short);

    await sample(rig, SETTLING_BURSTS);
    const short = await sample(rig, SAMPLE_BURSTS.short);
    const long = await sample(rig, SAMPLE_BURSTS.long);
    const { path, shown } = outFile(`${subject.work}-${subject.contender}.heapprofile`);
    writeFileSync(path, JSON.stringify(long.profile));
    return {
      heapBytes: (more.heapBytes - less.heapBytes) / messages,
      objects: (long.profile.samples.length - short.profile.samples.length) / (long.messages - short.messages),
      bufferBytes: (more.bufferBytes - less.bufferBytes) / messages,
      functions: madePerMessage(short, long, ROOT).filter(({ objects }) => objects >= SEEN_LEAST),
      file: shown,
    };
  });
}

/** Not after a collection on demand: that takes optimized code with it. */
async function grow({ askServer, bursts }: Rig, count: number): Promise<Grown> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    await askServer("grow");
    await bursts(count);
    const grown = (await askServer("grown")) as Grown; // probe.ts answers
    if (grown.collections === 0) return grown;
  }
  throw new Error(
    `Cannot count what ${messagesIn(count)} messages allocate as no collection may come in between: one did ${TRIES} times, send fewer --bytes`,
  );
}

async function sample({ askServer, bursts }: Rig, count: number): Promise<Sampled> {
  await askServer("sample");
  await bursts(count);
  const profile = (await askServer("sampled")) as HeapProfile; // probe.ts answers
  return { profile, messages: messagesIn(count) };
}

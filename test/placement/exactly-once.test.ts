/**
 * DESIGN §3.2, §3.3 and §3.6 together: whatever a process does, and however often it ends, each request ends once, in
 * the way it must, and what is not in hand at an end is handled once, in order.
 */
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { RawSocket } from "../support/sockets.ts";
import { A, APART, B, C, MIXTURES, type Stage, startStage, stopStages } from "../support/stage.ts";
import { until } from "../support/until.ts";

jest.setTimeout(120_000); // ms: a thread or a process starts some six times in each
afterEach(stopStages);

/** Ways of programs/moody.mjs, and how a request that is treated so must end. */
const ENDS: Readonly<Record<string, readonly string[]>> = {
  answer: ["response"],
  "answer late": ["response"],
  "answer by timer": ["response", "Timeout"], // an end of the process takes its timers along
  "pass on": ["response"],
  "ask another": ["response"],
  ignore: ["Timeout"],
  throw: ["Offline"],
  "throw late": ["Offline"],
  die: ["Offline"],
  exit: ["Timeout"], // it has not been answered; the process begins again
};
const QUIET = ["answer", "answer", "answer", "answer late", "answer by timer", "pass on", "ask another", "ignore"];
const QUIET_TIMEOUT = 1.5; // seconds: starts of several processes lie between a request and its answer

/** A small generator of our own: a failing seed can be run again. */
function chooser(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (state >> 8) % count;
  };
}

/** Ends that can be had where `on` has B. */
function endings(on: Stage): readonly string[] {
  return on.placement === "inline" ? ["throw", "throw late", "exit"] : ["throw", "throw late", "die", "exit"];
}

/** `count` ways, one in `every` of them an end. */
function waysOf(on: Stage, seed: number, count: number, every: number, quiet: readonly string[]): string[] {
  const choose = chooser(seed);
  const ends = endings(on);
  const pick = (from: readonly string[]): string => from[choose(from.length)] ?? "answer";
  return Array.from({ length: count }, (_, n) => pick(n % every === every - 1 ? ends : quiet));
}

const LIMITS = { restarts: 1000, restartDelay: 1, restartDelayMax: 2, mailbox: 10_000 };

describe.each(MIXTURES)("%s: while a process ends again and again", (placement) => {
  test.each([2, 5])("each request ends once, in the way it must (seed %d)", async (seed) => {
    const on = await startStage(placement, { limits: LIMITS });
    const a = await on.add(A);
    await on.add(B, { file: "moody.mjs", onExit: "Restart" });
    await on.add(C, { file: "moody.mjs" });
    for (const id of [B, C]) await on.ask(id, { way: "answer", n: 0 }); // both have started: their time is not the requests'
    const ways = waysOf(on, seed, 300, 60, QUIET);
    for (const kind of ["response", "error"] as const)
      await a.on(
        kind,
        (me, event, count) => {
          const how = event.kind;
          const { blob } = event;
          me.keep.all.push([event.context, how, "body" in event ? event.body : null, blob?.text() ?? null]);
          if (me.keep.all.length === count) me.report(me.keep.all);
        },
        ways.length,
      );
    await a.run(
      async (me, { to, other, ways, seconds }) => {
        for (const [n, way] of ways.entries()) {
          const isAnswered =
            way.startsWith("answer") ||
            way === "pass on" ||
            way === "ask another" ||
            way.startsWith("throw") ||
            way === "die";
          me.ctx
            .request(to)
            .body({ way, n, to: other })
            .blob(`blob ${n}`)
            .context(n)
            .expectsResponse(isAnswered && way !== "answer by timer" ? 60 : seconds)
            .send();
          if (n % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 1));
        }
      },
      { to: B, other: C, ways, seconds: QUIET_TIMEOUT },
    );
    const ended = (await a.next()) as readonly (readonly [number, string, unknown, string | null])[];
    const how = new Map(ended.map(([n, kind, body, blob]) => [n, { kind, body, blob }]));
    expect(how.size).toBe(ways.length); // each once
    for (const [n, way] of ways.entries()) {
      const { kind = "nothing", body, blob } = how.get(n) ?? {};
      expect([n, way, ENDS[way]]).toEqual([n, way, expect.arrayContaining([kind])]);
      if (kind === "response")
        expect([n, body, blob]).toEqual([n, n, way === "answer" || way === "pass on" ? `blob ${n}` : null]);
      else expect([n, body, blob]).toEqual([n, { way, n, to: C }, `blob ${n}`]);
    }
  });

  test.each([3])("what it is told is handled once and in order, but what was in hand (seed %d)", async (seed) => {
    const on = await startStage(placement, { limits: LIMITS });
    const a = await on.add(A);
    await on.add(B, { file: "moody.mjs", onExit: "Restart" });
    const c = await on.add(C);
    await c.on("request", (me, { body }) => (body === "end" ? me.report(me.keep.all) : void me.keep.all.push(body)));
    const ways = waysOf(on, seed, 400, 80, ["note", "note", "note", "note late", "ignore"]);
    await a.run(
      async (me, { to, other, ways }) => {
        for (const [n, way] of ways.entries()) {
          me.ctx.request(to).body({ way, n, to: other }).send();
          if (n % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 1));
        }
        me.ctx.request(to).body({ way: "note", n: "end", to: other }).send();
      },
      { to: B, other: C, ways },
    );
    const noted = ways.flatMap((way, n) => (way.startsWith("note") ? [n] : []));
    expect(await c.next()).toEqual(noted);
    const lost = ways.flatMap((way, n) => (["throw", "throw late", "die"].includes(way) ? [n] : []));
    const crashed = on.deadLetters().filter(({ reason }) => reason === "crashed");
    expect(crashed.map(({ body }) => (body as { readonly n: number }).n)).toEqual(lost);
  });
});

describe.each(["inline", ...APART] as const)("%s: while the process of a channel ends again and again", (placement) => {
  test.each([1, 2])("each frame is handled once and in order, but what was in hand (seed %d)", async (seed) => {
    const on = await startStage(placement, { http: true, limits: LIMITS });
    await on.add(A, { file: "moody-channel.mjs", onExit: "Restart" });
    await until(() => on.stateOf(A) === "running"); // it has bound its path
    const client = await RawSocket.connect(on.port);
    await client.upgrade({ path: `/${A}/` });
    const choose = chooser(seed);
    const ends = ["throw", "echo and throw", "throw late", ...(placement === "inline" ? [] : ["die"])];
    const ways = Array.from({ length: 600 }, (_, n) =>
      n % 100 === 99 ? ends[choose(ends.length)] : ["echo", "echo", "echo late", "ignore"][choose(4)],
    );
    for (const [n, way] of [...ways, "echo"].entries()) client.sendText(JSON.stringify({ way, n }));
    const echoed = [...ways, "echo"].flatMap((way, n) => (way?.startsWith("echo") ? [n] : []));
    const heard: number[] = [];
    while (heard.at(-1) !== ways.length) heard.push((JSON.parse(await client.nextText()) as { readonly n: number }).n);
    expect(heard).toEqual(echoed);
  });
});

/** DESIGN §3.3, wherever sender and target run: a request ends in exactly one way, and brings back what was sent. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Message } from "../../lib/process/index.ts";
import type { Me, Puppet } from "../support/puppet.ts";
import { A, B, C, MIXTURES, type Stage, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

const NOBODY = "nobody:nothing:template.os";

/** Sends what every outcome must bring back. */
function sendAll(me: Me, { to, seconds }: { readonly to: string; readonly seconds: number }): void {
  me.ctx
    .request(to)
    .body({ n: 1, deep: ["x", { y: null }] })
    .blob({ mime: "text/plain", bytes: new Uint8Array([104, 105]) })
    .context({ mine: [1, 2] })
    .expectsResponse(seconds)
    .send();
}

/** The same, awaited: how it ended. */
async function awaitAll(me: Me, { to, seconds }: { readonly to: string; readonly seconds: number }): Promise<unknown> {
  try {
    const answer = await me.ctx
      .request(to)
      .body({ n: 1, deep: ["x", { y: null }] })
      .blob({ mime: "text/plain", bytes: new Uint8Array([104, 105]) })
      .context({ mine: [1, 2] })
      .sendAndAwaitResponse(seconds);
    return me.seen(answer);
  } catch (thrown) {
    return { isSendError: thrown instanceof me.lib.SendError, ...me.error(thrown) };
  }
}

const broughtBack = (error: string, target: string): Readonly<Record<string, unknown>> => ({
  name: "SendError",
  code: error,
  error,
  target: `alice.os@${target}`,
  body: { n: 1, deep: ["x", { y: null }] },
  blob: "hi",
  context: { mine: [1, 2] },
});

/** Both ways to send, one after the other: what the sender is told. */
async function ends(a: Puppet, to: string, seconds = 5): Promise<unknown[]> {
  await a.run(sendAll, { to, seconds });
  const heard = await a.next();
  const awaited = await a.run(awaitAll, { to, seconds });
  return [heard, awaited];
}

function bothEnd(error: string, target: string): unknown[] {
  return [
    { kind: "error", message: expect.stringContaining(target), ...broughtBack(error, target) },
    { isSendError: true, message: expect.stringContaining(target), ...broughtBack(error, target) },
  ];
}

/** Nothing came that was not taken, and nothing will: whatever was on its way before this is behind us. */
async function quiet(on: Stage, ...puppets: readonly Puppet[]): Promise<void> {
  for (const puppet of puppets) expect(await puppet.run(() => "still here")).toBe("still here");
  for (const puppet of puppets) expect(puppet.waiting).toEqual([]);
  expect(on.events.filter(({ type }) => type === "process-crashed")).toEqual([]);
}

describe.each(MIXTURES)("%s: a request that expects an answer ends with", (placement) => {
  test("case 14: a Response, with its context, once", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, { body }) => {
      me.ctx.respond({ heard: body }, { blob: "there", metadata: '{"m":1}' });
      me.ctx.respond("again");
    });
    const answer = {
      kind: "response",
      source: `alice.os@${B}`,
      body: { heard: { n: 1, deep: ["x", { y: null }] } },
      blob: "there",
      mime: null,
      metadata: '{"m":1}',
      context: { mine: [1, 2] },
      capabilities: [],
      asked: false,
    };
    expect(await ends(a, B)).toEqual([answer, answer]);
    await quiet(on, a, b);
    expect(on.deadLetters()).toEqual([
      expect.objectContaining({ reason: "unexpected_answer", body: "again" }),
      expect.objectContaining({ reason: "unexpected_answer", body: "again" }),
    ]);
  });

  test("case 15: Timeout, with body, blob and context; case 16: what is answered later is a dead letter", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, message) => {
      me.keep.all.push(message);
    });
    expect(await ends(a, B, 0.03)).toEqual(bothEnd("Timeout", B));
    await b.run((me) => {
      for (const to of me.keep.all as Message[]) me.ctx.respond("late", { to });
    });
    await b.run((me, to) => me.ctx.request(to).body("something else").send(), A);
    expect(await a.next()).toEqual(expect.objectContaining({ kind: "request", body: "something else" }));
    await quiet(on, a, b);
    expect(on.deadLetters().map(({ reason, body }) => [reason, body])).toEqual([
      ["unexpected_answer", "late"],
      ["unexpected_answer", "late"],
    ]);
  });

  test("case 18: Offline, where nobody has that address", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    expect(await ends(a, NOBODY)).toEqual(bothEnd("Offline", NOBODY));
    await quiet(on, a);
  });

  test("Denied, where the target is not public and the sender holds nothing for it", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, { public: false });
    expect(await ends(a, B)).toEqual(bothEnd("Denied", B));
    await quiet(on, a, b);
  });

  test("Denied for another node without the network capability (case 48), Offline with it (case 46)", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const c = await on.add(C, { request: [{ process: "kernel:distro:sys", params: "network" }] });
    const ask = (me: Me): Promise<unknown> =>
      me.caught(() => me.ctx.request("bob.os@b:b-package:template.os").body(1).sendAndAwaitResponse());
    expect(await a.run(ask)).toEqual(expect.objectContaining({ error: "Denied" }));
    expect(await c.run(ask)).toEqual(expect.objectContaining({ error: "Offline" }));
  });

  test("case 45: Overloaded, where the mailbox is full; others go on, and nothing that was taken is lost", async () => {
    const on = await startStage(placement, { limits: { mailbox: 8 } });
    const a = await on.add(A);
    const b = await on.add(B);
    const c = await on.add(C);
    await b.on("request", async (me) => {
      await me.gate("go on");
      me.ctx.respond("done");
    });
    const sent = 5000; // more than any window and mailbox together hold
    const note = (me: Me, event: { readonly kind: string; readonly context: unknown }, sent: number): void => {
      me.keep.all.push([event.kind, event.context]);
      if (me.keep.all.length === sent) me.report(me.keep.all);
    };
    await a.on("error", note, sent);
    await a.on("response", note, sent);
    await a.run(
      (me, { to, sent }) => {
        for (let n = 0; n < sent; n += 1) me.ctx.request(to).body(n).context(n).expectsResponse(30).send();
      },
      { to: B, sent },
    );
    expect(await c.run(() => "goes on")).toBe("goes on");
    b.open("go on");
    const ended = (await a.next()) as readonly (readonly [string, number])[];
    const ways = new Set(ended.map(([way]) => way));
    expect(ways).toEqual(new Set(["Overloaded", "response"]));
    const contexts = ended.map(([, n]) => n).sort((x, y) => x - y);
    expect(contexts).toEqual(Array.from({ length: sent }, (_, n) => n));
    const answered = ended.filter(([way]) => way === "response").map(([, n]) => n);
    expect(answered).toEqual([...answered].sort((x, y) => x - y));
  });
});

describe.each(MIXTURES)("%s: two that flood each other", (placement) => {
  test("hear how each of their requests ended, and nobody waits for ever", async () => {
    const on = await startStage(placement);
    const [a, b] = [await on.add(A), await on.add(B)];
    const sent = 20_000; // in one turn of each: several mailboxes full
    const note = (me: Me, event: { readonly kind: string; readonly context: unknown }, sent: number): void => {
      const { ended } = me.keep;
      ended.set(event.context, ended.has(event.context) ? "twice" : event.kind);
      if (ended.size === sent) me.report([...new Set(ended.values())].sort());
    };
    for (const each of [a, b]) {
      await each.on("request", (me, { body }) => me.ctx.respond(body));
      await each.on("response", note, sent);
      await each.on("error", note, sent);
    }
    for (const [from, to] of [
      [a, B],
      [b, A],
    ] as const)
      from.start(
        (me, { to, sent }) => {
          for (let n = 0; n < sent; n += 1)
            me.ctx.request(to).body(n).blob("some bytes").context(n).expectsResponse(60).send();
        },
        { to, sent },
      );
    for (const each of [a, b])
      for (const kind of (await each.next()) as string[]) expect(["Overloaded", "response"]).toContain(kind);
    expect(on.node.kernel.crashes.last()).toEqual([]);
  });
});

describe.each(MIXTURES)("%s: a message that expects nothing", (placement) => {
  test("case 19: and finds nobody is a dead letter, and its sender goes on without a word", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    await a.run((me, to) => me.ctx.request(to).body("lost").send(), NOBODY);
    await quiet(on, a);
    expect(on.deadLetters()).toEqual([
      expect.objectContaining({ reason: "offline", body: "lost", source: `alice.os@${A}` }),
    ]);
  });

  test("case 21: is delivered to a public target without a capability, and to another with it", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { request: [C] });
    const b = await on.add(B);
    const c = await on.add(C, { public: false });
    await a.run(
      (me, all) => {
        for (const to of all) me.ctx.request(to).body("hello").send();
      },
      [B, C],
    );
    const hello = expect.objectContaining({ kind: "request", source: `alice.os@${A}`, body: "hello", asked: false });
    expect([await b.next(), await c.next()]).toEqual([hello, hello]);
  });

  test("and that its sender may not send is a dead letter", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, { public: false });
    await a.run((me, to) => me.ctx.request(to).body("forbidden").send(), B);
    await quiet(on, a, b);
    expect(on.deadLetters()).toEqual([expect.objectContaining({ reason: "denied", body: "forbidden" })]);
  });
});

describe.each(MIXTURES)("%s: who waits hears Offline when its target", (placement) => {
  test("crashes with the message in hand, or is gone with it in its mailbox", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", async (me) => {
      await me.gate("go on");
      throw new Error("on purpose");
    });
    await a.run((me, to) => {
      for (let n = 1; n <= 3; n += 1)
        me.ctx.request(to).body(n).blob(`blob ${n}`).context(n).expectsResponse(20).send();
    }, B);
    b.open("go on");
    const ended = (await a.nextOf(3)) as readonly Readonly<Record<string, unknown>>[];
    expect(ended.map(({ error, body, blob, context }) => [error, body, blob, context])).toEqual([
      ["Offline", 1, "blob 1", 1],
      ["Offline", 2, "blob 2", 2],
      ["Offline", 3, "blob 3", 3],
    ]);
    expect(on.stateOf(B)).toBeNull();
  });

  test("exits, having kept the request for later", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("request", (me, message) => {
      me.keep.asked = message;
      me.report("kept");
    });
    await a.run((me, to) => me.ctx.request(to).body(1).context("c").expectsResponse(20).send(), B);
    await b.next();
    b.start((me) => me.ctx.exit());
    expect(await a.next()).toEqual(expect.objectContaining({ kind: "error", error: "Offline", body: 1, context: "c" }));
  });

  test("is killed", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, { onExit: "Restart" });
    await b.on("request", async (me) => {
      me.report("in hand");
      await new Promise(() => undefined);
    });
    await a.run((me, to) => me.ctx.request(to).body(1).expectsResponse(20).send(), B);
    await b.next();
    await on.ask("kernel:distro:sys", { KillProcess: B });
    expect(await a.next()).toEqual(expect.objectContaining({ kind: "error", error: "Offline", body: 1 }));
  });
});

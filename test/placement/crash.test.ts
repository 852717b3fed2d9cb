/** DESIGN §3.6 and §3.7, wherever a process runs: a throw ends one incarnation, and nobody else notices. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Puppet } from "../support/puppet.ts";
import { A, B, C, PLACEMENTS, type Stage, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

/** What the kernel told of `id`: types, in order. */
function life(on: Stage, id: string): string[] {
  return on.events.flatMap((event) => {
    const who = "process" in event ? event.process : "report" in event ? event.report.process : "";
    if (who !== id || event.type === "log") return [];
    return [event.type === "process-gone" ? `gone by ${event.why}` : event.type.replace("process-", "")];
  });
}

function crashes(on: Stage): unknown[] {
  return on.node.kernel.crashes
    .last()
    .map(({ error, message, incarnation }) => [error, message?.kind ?? null, incarnation]);
}

async function isGone(on: Stage, id: string): Promise<void> {
  await on.heard("process-gone", id);
  expect(on.stateOf(id)).toBeNull();
}

const sync = (): never => {
  throw new TypeError("sync, on purpose");
};
const late = async (): Promise<never> => {
  await null;
  throw new TypeError("late, on purpose");
};
const slow = async (me: Parameters<Parameters<Puppet["run"]>[0]>[0]): Promise<never> => {
  await me.ctx.getState();
  throw new TypeError("slow, on purpose");
};

describe.each(PLACEMENTS)("%s: a throw", (placement) => {
  test.each([
    ["before its handler returns", "sync", sync],
    ["after an await", "late", late],
    ["after a call", "slow", slow],
  ])("%s: case 33: None removes the process, with a crash record; who asked gets Offline", async (_, what, act) => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    expect(await b.crash(act)).toBe("Offline");
    await isGone(on, B);
    expect(crashes(on)).toEqual([[`TypeError: ${what}, on purpose`, "request", 1]]);
    expect(on.node.kernel.crashes.last()[0]?.stack).toContain("puppet.mjs");
    expect(life(on, B)).toEqual(["started", "crashed", "gone by crash"]);
    expect(await a.run(() => "goes on")).toBe("goes on");
  });

  test("of what is no error is told too", async () => {
    const on = await startStage(placement);
    const b = await on.add(B, { onExit: "Restart" });
    await b.crash(() => {
      throw "a text"; // as anything may be
    });
    await b.crash(() => Promise.reject(undefined));
    await b.crash(() => Promise.reject(null));
    expect(crashes(on).map((each) => (each as unknown[])[0])).toEqual(["a text", "undefined", "null"]);
    expect(await b.run(() => "lives")).toBe("lives");
  });

  test("case 33: takes away from others the capabilities that the process issued", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, { public: false, grant: [A] });
    const may = (): Promise<boolean> =>
      a.run((me, to) => me.ctx.capabilities.canMessage(me.lib.Address.parse(`alice.os@${to}`)), B);
    expect(await may()).toBe(true);
    await b.crash(sync);
    await isGone(on, B);
    expect(await may()).toBe(false);
    expect(await a.run((me) => me.ctx.capabilities.list().map(({ issuer }) => issuer))).not.toContain(`alice.os@${B}`);
  });

  test.each([
    ["sync", sync],
    ["slow", slow],
  ])(
    "(%s) case 34: Restart keeps what waits, in order; the message in hand is a dead letter and not tried again",
    async (_, act) => {
      const on = await startStage(placement);
      const a = await on.add(A);
      const b = await on.add(B, {
        onExit: "Restart",
        init: (me) => me.report(`incarnation ${me.count("incarnations")}`),
      });
      expect(await b.next()).toBe("incarnation 1");
      b.start(async (me) => {
        me.report("in hand");
        await me.gate("go on");
      });
      await b.next();
      await a.run((me, to) => me.ctx.request(to).body("before").send(), B);
      on.tell(B, { run: act.toString(), crash: true });
      await a.run((me, to) => {
        for (let n = 1; n <= 20; n += 1) me.ctx.request(to).body(n).blob(`blob ${n}`).expectsResponse(20).send();
      }, B);
      b.open("go on");
      const heard = (await b.nextOf(22)) as readonly (string | Readonly<Record<string, unknown>>)[];
      expect(heard.map((each) => (typeof each === "string" ? each : [each.body, each.blob]))).toEqual([
        ["before", null],
        "incarnation 2",
        ...Array.from({ length: 20 }, (_, n) => [n + 1, `blob ${n + 1}`]),
      ]);
      expect(on.deadLetters()).toEqual([expect.objectContaining({ reason: "crashed" })]);
      expect(life(on, B)).toEqual(["started", "crashed", "restarting", "started"]);
    },
  );

  test("gives what was asked and kept back to nobody but the next incarnation's askers: answers to the old are dead letters", async () => {
    const on = await startStage(placement);
    const b = await on.add(B, { onExit: "Restart" });
    const c = await on.add(C);
    await c.on("request", (me, message) => {
      me.keep.asked = message;
      me.report("asked");
    });
    await b.run((me, to) => me.ctx.request(to).body(1).context("old").expectsResponse(20).send(), C);
    await c.next();
    await b.crash(sync);
    expect(await b.run(() => "again")).toBe("again");
    await c.run((me) => me.ctx.respond("too late", { to: me.keep.asked }));
    expect(await b.run(() => "still")).toBe("still");
    expect(b.waiting).toEqual([]);
    expect(on.deadLetters().map(({ reason, body }) => [reason, body])).toContainEqual([
      "unexpected_answer",
      "too late",
    ]);
  });

  test("leaves nothing of the old incarnation: its memory, timers and reactions are gone", async () => {
    const on = await startStage(placement);
    const b = await on.add(B, { onExit: "Restart" });
    await b.on("request", (me) => me.report("old reaction"));
    await b.run((me) => {
      me.keep.body = "old";
      me.ctx.after(20, (_, ctx) => ctx.log("old timer"));
    });
    await b.crash(sync);
    const now = await b.run(async (me) => {
      await new Promise<void>((resolve) => me.ctx.after(40, () => undefined) && setTimeout(resolve, 40));
      return me.keep.body ?? null;
    });
    expect(now).toBeNull();
    on.tell(B, "hello");
    expect(await b.next()).toEqual(expect.objectContaining({ body: "hello" }));
    expect(on.logs()).toEqual([]);
  });

  test("in init counts like any other: Restart tries again", async () => {
    const on = await startStage(placement);
    const b = await on.add(B, {
      onExit: "Restart",
      init: (me) => {
        const n = me.count("incarnations");
        if (n === 1) throw new Error("in init");
        if (n === 2) return Promise.reject(new Error("in init, later"));
        me.report(`incarnation ${n}`);
        return undefined;
      },
    });
    expect(await b.next()).toBe("incarnation 3");
    expect(crashes(on)).toEqual([
      ["Error: in init", null, 1],
      ["Error: in init, later", null, 2],
    ]);
    expect(await b.run(() => "lives")).toBe("lives");
  });

  test("in init without Restart: who waits gets Offline, what expects nothing is a dead letter", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, {
      init: async (me) => {
        me.report("begins");
        await me.gate("go on");
        throw new Error("in init");
      },
    });
    await b.next();
    await a.run((me, to) => {
      me.ctx.request(to).body("waits").expectsResponse(20).send();
      me.ctx.request(to).body("expects nothing").send();
    }, B);
    b.open("go on");
    expect(await a.next()).toEqual(expect.objectContaining({ error: "Offline", body: "waits" }));
    await isGone(on, B);
    expect(on.deadLetters()).toEqual([expect.objectContaining({ reason: "exited", body: "expects nothing" })]);
  });

  test("of limits.restarts and one more gives the process up, and says so", async () => {
    const on = await startStage(placement, { limits: { restarts: 2, restartDelay: 1, restartDelayMax: 2 } });
    const b = await on.add(B, { onExit: "Restart" });
    for (let n = 0; n < 3; n += 1) expect(await b.crash(sync)).toBe("Offline");
    await isGone(on, B);
    expect(life(on, B).slice(-4)).toEqual(["crashed", "poison", "gave-up", "gone by crash"]);
  });

  test("in a timer, and in the handler of an answer, is a crash too", async () => {
    const on = await startStage(placement);
    const b = await on.add(B, { onExit: "Restart", init: (me) => me.report(me.count("incarnations")) });
    const c = await on.add(C);
    await c.on("request", (me) => me.ctx.respond("x"));
    expect(await b.next()).toBe(1);
    await b.run((me) => {
      me.ctx.after(1, () => {
        throw new Error("in a timer");
      });
    });
    expect(await b.next()).toBe(2);
    await b.on("response", () => {
      throw new Error("of an answer");
    });
    await b.run((me, to) => me.ctx.request(to).expectsResponse(5).send(), C);
    expect(await b.next()).toBe(3);
    expect(crashes(on)).toEqual([
      ["Error: in a timer", "timer", 1],
      ["Error: of an answer", "response", 2],
    ]);
  });
});

describe.each(PLACEMENTS)("%s: on_exit", (placement) => {
  test("case 37: Requests are sent from the dead process's address, and expect nothing; after exit() too", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, { onExit: { Requests: [{ target: A, body: "bye" }] } });
    await b.crash(sync);
    const bye = expect.objectContaining({ source: `alice.os@${B}`, body: "bye", asked: false });
    expect(await a.next()).toEqual(bye);
    const c = await on.add(C, { onExit: { Requests: [{ target: A, body: "bye" }] } });
    c.start((me) => me.ctx.exit());
    expect(await a.next()).toEqual(expect.objectContaining({ source: `alice.os@${C}`, body: "bye" }));
  });

  test("can be read and changed by the process, blobs of its requests too, and holds what it was last", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const seen = await b.run((me, to) => {
      const before = me.ctx.onExit;
      me.ctx.onExit = "Restart";
      const between = me.ctx.onExit;
      me.ctx.onExit = { Requests: [{ target: to, body: { last: "words" }, blob: me.lib.Blob.of("with a blob") }] };
      const { onExit } = me.ctx;
      return [
        before,
        between,
        typeof onExit === "object" ? onExit.Requests.map(({ target, body }) => ({ target, body })) : 0,
      ];
    }, A);
    expect(seen).toEqual(["None", "Restart", [{ target: expect.stringContaining(A), body: { last: "words" } }]]);
    expect(await b.crash(sync)).toBe("Offline");
    expect(await a.next()).toEqual(expect.objectContaining({ body: { last: "words" }, blob: "with a blob" }));
    await isGone(on, B);
  });

  test("set and thrown at once in one handler is what counts", async () => {
    const on = await startStage(placement);
    const b = await on.add(B);
    await b.crash((me) => {
      me.ctx.onExit = "Restart";
      throw new Error("at once");
    });
    expect(await b.run((me) => me.ctx.onExit)).toBe("Restart");
  });

  test("case 36: does not apply to who is killed", async () => {
    const on = await startStage(placement);
    await on.add(A);
    const b = await on.add(B, { onExit: "Restart" });
    await b.run(() => undefined);
    expect((await on.ask("kernel:distro:sys", { KillProcess: B })).body).toEqual({ KilledProcess: B });
    await isGone(on, B);
    expect(life(on, B)).toEqual(["started", "gone by kill"]);
  });
});

describe.each(PLACEMENTS)("%s: a kill", (placement) => {
  test("while it starts, or waits in its init, ends it; its name is free, and nothing of it comes later", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, {
      init: async (me) => {
        me.report("begins");
        await me.gate("go on");
        me.report("was killed, and goes on");
      },
    });
    await a.next();
    const asked = on.ask(A, { run: "() => 1" });
    on.tell("kernel:distro:sys", { KillProcess: A });
    await expect(asked).rejects.toThrow("no process has that address, or it exited");
    await on.add(B); // in placements apart it is not up yet
    on.tell("kernel:distro:sys", { KillProcess: B });
    await isGone(on, B);
    const parent = await on.add(C);
    const id = await parent.run(
      (me, placement) => me.ctx.spawn({ name: "child", file: "puppet.mjs", placement }).then(({ text }) => text),
      placement,
    );
    on.tell("kernel:distro:sys", { KillProcess: id });
    await isGone(on, id);
    await parent.run(
      (me, placement) => me.ctx.spawn({ name: "child", file: "puppet.mjs", placement }).then(() => null),
      placement,
    );
    expect(await on.puppet(id).run(() => "the next of that name")).toBe("the next of that name");
    if (placement !== "inline") expect(a.waiting).toEqual([]);
  });
});

describe.each(PLACEMENTS)("%s: exit()", (placement) => {
  test("ends the process after the message in hand, its onExit first; what waited is Offline", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on("exit", async (me) => {
      await null;
      me.report("farewell");
    });
    await b.on("request", async (me) => {
      me.ctx.exit();
      await me.gate("go on");
      me.report("handled to its end");
    });
    await a.run((me, to) => {
      me.ctx.request(to).body(1).send();
      me.ctx.request(to).body(2).expectsResponse(20).send();
    }, B);
    b.open("go on");
    expect(await b.nextOf(2)).toEqual(["handled to its end", "farewell"]);
    expect(await a.next()).toEqual(expect.objectContaining({ error: "Offline", body: 2 }));
    expect(life(on, B)).toEqual(["started", "gone by exit"]);
    expect(crashes(on)).toEqual([]);
  });

  test("with Restart begins again, with what waited", async () => {
    const on = await startStage(placement);
    const b = await on.add(B, { onExit: "Restart", init: (me) => me.report(me.count("incarnations")) });
    b.start((me) => me.ctx.exit());
    expect(await b.nextOf(2)).toEqual([1, 2]);
    expect(await b.run(() => "lives")).toBe("lives");
  });

  test("leaves its handler everything that it does after it: sends, answers, capabilities, the farewell's too", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    await b.on(
      "exit",
      async (me, _, to) => {
        me.ctx
          .request(to)
          .body(["farewell", Array.isArray(me.ctx.capabilities.list()), me.ctx.onExit])
          .send();
        await me.ctx.clearState();
        me.ctx.request(to).body("the last word").send();
      },
      A,
    );
    await b.on("request", async (me) => {
      me.ctx.exit();
      me.ctx.request("a:a-package:template.os").body("after exit").send();
      await me.ctx.setState(1);
      me.ctx.respond("answer");
    });
    const answer = await a.run(
      (me, to) =>
        me.ctx
          .request(to)
          .body(1)
          .sendAndAwaitResponse()
          .then((it) => it.body),
      B,
    );
    expect(answer).toBe("answer");
    const heard = (await a.nextOf(3)) as readonly { readonly body: unknown }[];
    expect(heard.map(({ body }) => body)).toEqual(["after exit", ["farewell", true, "None"], "the last word"]);
  });

  test("in init ends it once init is through", async () => {
    const on = await startStage(placement);
    await on.add(B, {
      init: (me) => {
        me.ctx.exit();
        me.report("init goes on");
      },
    });
    await isGone(on, B);
    expect(life(on, B)).toEqual(["started", "gone by exit"]);
  });
});

describe.each(PLACEMENTS)("%s: what is left of an incarnation that crashed", (placement) => {
  test("cannot act for the next one: each call throws ProcessExited, and nothing is sent", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, { onExit: "Restart" });
    // Where an incarnation's memory ends with it, nothing is left over that could act; else it must be refused.
    await b.crash((me, to) => {
      void me.gate("go on").then(async () => {
        const { ctx } = me;
        const outcomes = [
          me.caughtNow(() => ctx.request(to).body("from the dead").send()),
          await me.caught(() => ctx.request(to).body("from the dead").sendAndAwaitResponse()),
          me.caughtNow(() => ctx.respond("from the dead")),
          me.caughtNow(() => ctx.after(1, () => undefined)),
          me.caughtNow(() => ctx.exit()),
          me.caughtNow(() => ctx.capabilities.save([])),
        ];
        const refused = outcomes.filter(
          (each) => each?.name === "ProcessExitedError" && each.code === "process_exited",
        );
        if (refused.length === outcomes.length) me.count("refused");
      });
      throw new Error("on purpose");
    }, A);
    expect(await b.run((me) => me.keep.all)).toEqual([]);
    b.open("go on");
    const refused = await b.run(async (me) => {
      await me.gate("go on");
      await new Promise((resolve) => setTimeout(resolve, 20)); // the old one looks every 2 ms
      return me.count("refused") - 1;
    });
    expect(refused).toBe(placement === "inline" ? 1 : 0);
    await b.run((me, to) => me.ctx.request(to).body("from the living").send(), A);
    expect(await a.next()).toEqual(expect.objectContaining({ body: "from the living" }));
    expect(a.waiting).toEqual([]);
  });

  test("what it sent before it threw, in the same handler, has been sent", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, { onExit: "Restart" });
    await b.crash((me, to) => {
      for (let n = 1; n <= 3; n += 1) me.ctx.request(to).body(n).send();
      throw new Error("and then");
    }, A);
    const heard = (await a.nextOf(3)) as readonly { readonly body: unknown }[];
    expect(heard.map(({ body }) => body)).toEqual([1, 2, 3]);
  });
});

describe.each(PLACEMENTS)("%s: others", (placement) => {
  test("go on, also of the same package and mid-call, while one crashes again and again", async () => {
    const on = await startStage(placement, { limits: { restarts: 100 } });
    const a = await on.add(A);
    const b = await on.add(B, { onExit: "Restart" });
    const c = await on.add(C);
    await c.on("request", (me, { body }) => me.ctx.respond(body));
    const asking = a.run(async (me, to) => {
      const answers: unknown[] = [];
      for (let n = 0; n < 300; n += 1) answers.push((await me.ctx.request(to).body(n).sendAndAwaitResponse()).body);
      return answers;
    }, C);
    for (let n = 0; n < 5; n += 1) expect(await b.crash(n % 2 === 0 ? sync : late)).toBe("Offline");
    expect(await asking).toEqual(Array.from({ length: 300 }, (_, n) => n));
    expect(life(on, A)).toEqual(["started"]);
    expect(life(on, C)).toEqual(["started"]);
  });
});

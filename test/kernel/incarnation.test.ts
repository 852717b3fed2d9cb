/** What a program may ask of the kernel, and for how long. */
import { describe, expect, test } from "@jest/globals";
import { Blob, capability, Envelope, type Host, type OnExit, ProcessId, SendError } from "../../lib/protocol/index.ts";
import { A, B, C, withA, withAB } from "../support/cast.ts";
import { ask, program, request, settle, silent, started, tell, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

describe("an end in peace", () => {
  test("comes too where the message that it waited for was taken back", async () => {
    const handled: unknown[] = [];
    const cast = withAB(program(({ body }) => void handled.push(body)));
    tell(cast.a.host, B, "taken back");
    const process = cast.node.kernel.registry.get(ProcessId.parse(B));
    expect(process?.recall(() => true)).toHaveLength(1);
    process?.exitAfterHand();
    await settle();
    expect(process?.state).toBe("gone");
    expect(handled).toEqual([]);
  });
});

describe("a host whose incarnation has ended", () => {
  const calls: readonly [act: string, call: (host: Host) => unknown][] = [
    ["send", (host) => tell(host, A, 1)],
    ["send", (host) => ask(host, A, 1)],
    ["respond", (host) => host.respond({ body: 1 }, request(host, A, 1))],
    ["set a timer", (host) => host.after(0, null)],
    ["spawn", (host) => host.spawn({ program: silent })],
    ["exit", (host) => host.exit()],
    ["set on_exit", (host) => host.setOnExit("None")],
    ["save capabilities", (host) => host.capabilities.save([capability(host.our, "1")])],
    ["drop capabilities", (host) => host.capabilities.drop([])],
  ];

  test.each(calls)("throws when told to %s, and does nothing for the next one", async (act, call) => {
    const hosts: Host[] = [];
    const crashes = program((_, host) => {
      hosts.push(host);
      if (hosts.length === 1) throw new Error("told to");
    });
    const { a, advance, node, clock } = withAB(crashes, { onExit: "Restart" });
    tell(a.host, B, 1);
    await advance(10);
    const [stale] = hosts;
    expect(await thrownBy(() => call(started(stale)))).toMatchObject({
      name: "ProcessExitedError",
      code: "process_exited",
      message: `Cannot ${act} from "alice.os@${B}" as this incarnation has ended: stop its work when its handler ends`,
    });
    tell(a.host, B, 2);
    await settle();
    expect([hosts.length, a.all, node.kernel.wheel.size, clock.monotonic()]).toEqual([2, [], 0, 10]);
  });
});

describe("timers", () => {
  test("come through the mailbox, in order of their times, with what they were given", async () => {
    const { a, advance } = withA();
    const due = { n: 1 };
    started(a.host).after(100, "later");
    started(a.host).after(50, due);
    await advance(49);
    expect(a.all).toEqual([]);
    await advance(70);
    expect(a.all.map(({ kind, context }) => [kind, context])).toEqual([
      ["timer", due],
      ["timer", "later"],
    ]);
  });

  test("do not come once cancelled, even when they wait in the mailbox", async () => {
    const { a, clock, advance } = withA();
    const host = started(a.host);
    const early = host.after(50, "cancelled early");
    const late = host.after(50, "cancelled late");
    early.cancel();
    clock.advance(60); // due, and posted: its turn is yet to come
    late.cancel();
    late.cancel();
    host.after(0, "marker");
    await advance(20);
    expect(a.all.map(({ context }) => context)).toEqual(["marker"]);
  });

  test("come to a process with a full mailbox", async () => {
    const { a, advance, clock } = withA({}, { limits: { mailbox: 1 } });
    started(a.host).after(10, "timer");
    tell(a.host, A, "fills it");
    clock.advance(10);
    await advance(10);
    expect(a.all.map(({ kind }) => kind)).toEqual(["request", "timer"]);
  });
});

describe("lent blobs", () => {
  /** Delivers a request as a transport does: its memory is gone when the turn is over. */
  function lend(cast: ReturnType<typeof withA>, text: string, expects: boolean): Blob {
    const memory = new TextEncoder().encode(text);
    const blob = Blob.lend(memory, false);
    const { kernel } = cast.node;
    const process = kernel.registry.all().find(({ address }) => address.id.text === B);
    if (process === undefined) throw new Error("there is no B");
    const envelope = new Envelope("request", started(cast.a.host).our, process.address, "lent", blob);
    if (expects) envelope.rsvp = envelope.source;
    kernel.queue.begin();
    try {
      kernel.bus.deliver(envelope, process);
    } finally {
      kernel.queue.end();
    }
    blob.settle();
    memory.fill(0);
    return blob;
  }

  test("can be read while their handler runs, and expire with it", async () => {
    const seen: unknown[] = [];
    const cast = withAB(program(({ blob }) => void seen.push(blob?.text())));
    const blob = lend(cast, "hi", false);
    expect([seen, blob.expired]).toEqual([["hi"], true]);
  });

  test("last as long as a handler that waits", async () => {
    const seen: unknown[] = [];
    const cast = withAB(
      program(async ({ blob }) => {
        await settle();
        seen.push(blob?.text());
      }),
    );
    lend(cast, "hi", false);
    await settle();
    await settle();
    expect(seen).toEqual(["hi"]);
  });

  test("last until a request that carries them has ended, and come back with its error", async () => {
    const b = new Recorder();
    b.onMessage = ({ kind, envelope }, host) => {
      if (kind !== "request") return;
      const onward = request(host, C, "onward", { expects: 1 });
      onward.blob = envelope.blob;
      host.send(onward);
    };
    const cast = withAB(b.program);
    cast.add(C, silent, { public: true });
    lend(cast, "hi", false);
    await cast.advance(1_010);
    expect(b.all.map(({ kind, text }) => [kind, text])).toEqual([
      ["request", "hi"],
      ["error", "hi"],
    ]);
  });

  test("can be passed on with inherit when the answer to a question asked meanwhile comes", async () => {
    const c = new Recorder();
    const b = program((message, host) => {
      if (message.kind === "request") tell(host, A, "question", { expects: 5 });
      else tell(host, C, "passed on", { inherit: true });
    });
    const cast = withAB(b);
    cast.add(C, c.program, { public: true });
    lend(cast, "hi", true);
    const { envelope } = await cast.a.next();
    cast.a.host?.respond({ body: "answer" }, envelope);
    await settle();
    expect(c.all.map(({ text }) => text)).toEqual(["hi"]);
  });

  test.each<[string, (host: Host, blob: Blob) => unknown]>([
    ["send", (host, blob) => tell(host, C, 1, { blob })],
    ["call", (host, blob) => ask(host, C, 1, { blob })],
    ["respond", (host, blob) => host.respond({ body: 1, blob })],
  ])("that have expired cannot be given to %s: the sender is told, not the receiver", async (_, act) => {
    let thrown: unknown;
    const b = program(async (_message, host) => {
      const blob = Blob.lend(new Uint8Array(1), false);
      blob.settle();
      thrown = await thrownBy(() => act(host, blob));
      host.respond({ body: "told" });
    });
    const { a, add } = withAB(b);
    const c = new Recorder();
    add(C, c.program, { public: true });
    tell(a.host, B, 1, { expects: 5 });
    await settle();
    expect(thrown).toMatchObject({ name: "BlobExpiredError" });
    expect([c.all, a.all.map(({ body }) => body)]).toEqual([[], ["told"]]);
  });

  test("given to on_exit are kept for it", async () => {
    const bye: OnExit = { Requests: [{ target: A, body: "bye", blob: Blob.lend(new Uint8Array([104, 105]), true) }] };
    const { a } = withAB(
      program(({ body }, host) => {
        if (body === "exit") return host.exit();
        host.setOnExit(bye);
        for (const { blob } of bye.Requests) blob?.settle();
        return undefined;
      }),
    );
    tell(a.host, B, "set");
    tell(a.host, B, "exit");
    await settle();
    expect(a.all.map(({ body, text }) => [body, text])).toEqual([["bye", "hi"]]);
  });
});

describe("a host", () => {
  test("tells who it is, the time of the node, and its on_exit", async () => {
    const { a, clock } = withA();
    const host = started(a.host);
    clock.advance(5);
    expect([host.our.text, host.folder, host.now(), host.getOnExit()]).toEqual([
      `alice.os@${A}`,
      null,
      clock.now(),
      "None",
    ]);
    host.setOnExit("Restart");
    expect(host.getOnExit()).toBe("Restart");
  });

  test("refuses an on_exit whose target is no address, and keeps the one before", async () => {
    const { a } = withA();
    const host = started(a.host);
    expect(await thrownBy(() => host.setOnExit({ Requests: [{ target: "nobody", body: 1 }] }))).toMatchObject({
      name: "IdError",
    });
    expect(host.getOnExit()).toBe("None");
  });

  test("writes lines to the node's log", () => {
    const { a, events } = withA();
    a.host?.log("a line");
    expect(events).toContainEqual({ type: "log", process: A, text: "a line" });
  });

  test("says whom it may message", () => {
    const { a, add } = withA({ requestCapabilities: [B] });
    for (const id of [B, C]) add(id, silent);
    const may = (target: string): boolean =>
      started(a.host).capabilities.canMessage(request(started(a.host), target, 1).target);
    expect([may(A), may(B), may(C), may("no:such:process"), may(`bob.os@${B}`)]).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test("of a call rejects with a SendError that names the target", async () => {
    const { a } = withA();
    const thrown = await thrownBy(() => ask(a.host, "no:such:process", 1));
    expect(thrown).toBeInstanceOf(SendError);
    expect((thrown as SendError).target.text).toBe("alice.os@no:such:process");
  });
});

/** Contract kinode §10, "Kernel", cases 42 to 48: who may send what to whom. Neighbours have no number. */
import { describe, expect, test } from "@jest/globals";
import { Address, type Capability, capability, MESSAGING, ON_BEHALF, ProcessId } from "../../lib/protocol/index.ts";
import { A, B, C, KERNEL, withA, withAB } from "../support/cast.ts";
import { Gate, program, request, settle, silent, started, stateOf, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

describe("capabilities", () => {
  test("case 42: saving one that never came is refused", async () => {
    const { a, add } = withA();
    add(B, silent);
    const minted = capability(`alice.os@${B}`, MESSAGING);
    const { capabilities } = started(a.host);
    expect(capabilities.save([minted])).toEqual([minted]);
    expect(capabilities.has(minted)).toBe(false);
    tell(a.host, B, "hi", { expects: 1 });
    expect((await a.next()).error).toBe("Denied");
  });

  test("one that came with a message is kept, and lets message its issuer", async () => {
    const { a, add } = withA();
    const b = new Recorder();
    add(B, b.program);
    const own: Capability = capability(`alice.os@${B}`, MESSAGING);
    tell(b.host, A, "take it", { capabilities: [own] });
    expect((await a.next()).envelope.capabilities).toEqual([own]);
    expect(started(a.host).capabilities.save([own])).toEqual([]);
    tell(a.host, B, "hi");
    expect((await b.next()).body).toBe("hi");
  });

  test("that the sender neither holds nor issues do not travel, with requests or answers", async () => {
    const foreign = capability(`alice.os@${C}`, MESSAGING);
    const own = capability(`alice.os@${B}`, '"own"');
    const { a } = withAB(program((_, host) => host.respond({ body: 1, capabilities: [foreign, own] })));
    tell(a.host, B, 1, { expects: 1, capabilities: [foreign] });
    expect((await a.next()).envelope.capabilities).toEqual([own]);
    const host = started(a.host);
    const envelope = request(host, A, 1, { capabilities: [foreign] });
    host.send(envelope);
    expect(envelope.capabilities).toEqual([]);
  });

  test("case 43: a process named kernel of another package gets its requests like any other", async () => {
    const { a, add, node } = withA();
    const other = new Recorder();
    add("kernel:my-app:me.os", other.program, { public: true });
    tell(a.host, "kernel:my-app:me.os", { KillProcess: A });
    expect((await other.next()).body).toEqual({ KillProcess: A });
    expect(node.kernel.registry.get(ProcessId.parse(A))?.state).toBe("running");
  });

  test("count at each send, also by an address that was used before", async () => {
    const { a, add } = withA({ requestCapabilities: [B] });
    const [b, next] = [new Recorder(), new Recorder()];
    const first = add(B, b.program);
    const host = started(a.host);
    const { target } = request(host, B, 0); // the same object each time, as a program keeps it
    const send = async (body: unknown): Promise<unknown> => {
      const envelope = request(host, B, body, { expects: 1 });
      envelope.target = target;
      host.send(envelope);
      await settle();
      return a.all.at(-1)?.error;
    };
    const messaging = capability(target, MESSAGING);
    expect([await send("held"), await send("held")]).toEqual([undefined, undefined]);
    host.capabilities.drop([messaging]);
    expect(await send("dropped")).toBe("Denied");
    started(b.host).send(request(started(b.host), A, "take it", { capabilities: [messaging] }));
    await settle();
    host.capabilities.save([messaging]);
    await send("held again");
    first.kill();
    expect(await send("gone")).toBe("Offline");
    add(B, next.program);
    expect(await send("another of that name")).toBe("Denied");
    expect(b.all.map(({ body }) => body)).toEqual(["held", "held", "held again"]);
    expect(next.all).toEqual([]);
  });

  test("for the kernel are needed to command it", async () => {
    const cast = withA();
    cast.add(B, silent);
    tell(cast.a.host, KERNEL, { KillProcess: B }, { expects: 1 });
    expect((await cast.a.next()).error).toBe("Denied");
    expect(stateOf(cast, B)).toBe("running");
  });
});

describe("a deputy that asks on behalf of another", () => {
  const onBehalf = capability(`alice.os@${A}`, ON_BEHALF);

  test("commands the kernel by the other's right alone", async () => {
    const cast = withA({ requestCapabilities: [KERNEL] });
    const c = new Recorder();
    cast.add(C, c.program, { requestCapabilities: [KERNEL] });
    cast.add(B, silent);
    const kill = async (capabilities: readonly Capability[]): Promise<unknown> => {
      tell(cast.a.host, KERNEL, { KillProcess: B }, { expects: 5, capabilities });
      await settle();
      return cast.a.all.at(-1)?.body;
    };
    expect(await kill([onBehalf])).toEqual({ Err: "Denied" });
    expect(stateOf(cast, B)).toBe("running");
    expect(await kill([onBehalf, capability(`alice.os@${KERNEL}`, MESSAGING)])).toEqual({ KilledProcess: B });
  });

  test("leaves the node by the other's right alone", async () => {
    const network = { process: KERNEL, params: "network" };
    const { a } = withA({ requestCapabilities: [network] });
    const send = async (capabilities: readonly Capability[]): Promise<unknown> => {
      tell(a.host, `bob.os@${B}`, "hi", { expects: 5, capabilities });
      await settle();
      return a.all.at(-1)?.error;
    };
    expect(await send([])).toBe("Offline");
    expect(await send([onBehalf])).toBe("Denied");
    expect(await send([onBehalf, capability(`alice.os@${KERNEL}`, '"network"')])).toBe("Offline");
  });
});

describe("case 45: a full mailbox", () => {
  test("is Overloaded to its sender, and other processes go on", async () => {
    const gate = new Gate();
    const taken: unknown[] = [];
    const slow = program(async ({ body }) => {
      taken.push(body);
      await gate.passed;
    });
    const { a, add } = withAB(slow, {}, { limits: { mailbox: 3 } });
    const c = new Recorder();
    add(C, c.program, { public: true });
    tell(a.host, B, "in hand");
    await settle();
    for (const n of [1, 2, 3, 4]) tell(a.host, B, n, { expects: 5, context: n });
    tell(a.host, C, "hi");
    expect((await c.next()).body).toBe("hi");
    expect(a.all).toMatchObject([{ kind: "error", error: "Overloaded", body: 4, context: 4 }]);
    gate.open();
    await settle();
    expect(taken).toEqual(["in hand", 1, 2, 3]);
  });
});

describe("another node", () => {
  const network = { process: KERNEL, params: "network" };

  test("case 46: unknown is Offline", async () => {
    const { a, clock } = withA({ requestCapabilities: [network] });
    tell(a.host, `nowhere.os@${B}`, "hi", { expects: 5 });
    await settle();
    expect(a.all).toMatchObject([{ kind: "error", error: "Offline", source: `nowhere.os@${B}`, body: "hi" }]);
    expect(clock.monotonic()).toBe(0);
  });

  test("case 48: is Denied at once to a sender without the network capability", async () => {
    const { a, clock, add } = withA();
    const b = new Recorder();
    add(B, b.program, { public: true });
    tell(a.host, `bob.os@${B}`, "hi", { expects: 5 });
    await settle();
    expect(a.all).toMatchObject([{ kind: "error", error: "Denied", body: "hi" }]);
    expect([b.all, clock.monotonic()]).toEqual([[], 0]);
  });

  test("named our is this one", async () => {
    const { a } = withA();
    const host = started(a.host);
    const own = request(host, A, "hi");
    own.target = new Address("our", own.target.id); // as a process that knows no lib/process writes it
    host.send(own);
    expect((await a.next()).envelope.target.text).toBe(`alice.os@${A}`);
    expect(host.capabilities.canMessage(new Address("our", own.target.id))).toBe(true);
  });
});

/** How capabilities come, narrow and go: issued, derived, revoked, expired (contract kinode §4, docs/adr/0021). */
import { describe, expect, test } from "@jest/globals";
import { type Capability, capability, type Host, type HostCommand, MESSAGING } from "../../lib/protocol/index.ts";
import { A, B, C, type Cast, withA } from "../support/cast.ts";
import { Gate, program, request, settle, started, tell, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const READ = '{"kind":"read"}';

type Three = Cast & { readonly b: Recorder; readonly c: Recorder };

/** A issues; B and C hold and hand on. All are public. */
function three(limits: Readonly<Record<string, number>> = {}): Three {
  const cast = withA({}, { limits });
  const [b, c] = [new Recorder(), new Recorder()];
  cast.add(B, b.program, { public: true });
  cast.add(C, c.program, { public: true });
  return { ...cast, b, c };
}

const command = (of: Recorder, given: HostCommand): Promise<unknown> => started(of.host).command(given);
const issue = (of: Recorder, to: string, params: string, expires?: number): Promise<Capability> =>
  command(of, { Issue: { to, params, ...(expires === undefined ? {} : { expires }) } }) as Promise<Capability>;
const derive = (of: Recorder, parent: Capability, only: unknown, expires?: number): Promise<Capability> =>
  command(of, {
    Derive: { capability: parent, only, ...(expires === undefined ? {} : { expires }) },
  }) as Promise<Capability>;
const revoke = (of: Recorder, cap: Capability): Promise<unknown> => command(of, { Revoke: { capability: cap } });
const has = (of: Recorder, cap: Capability): boolean => started(of.host).capabilities.has(cap);

/** Sends `capabilities` to a process. @returns those that came with it */
async function give(from: Recorder, to: Recorder, capabilities: readonly Capability[]): Promise<readonly Capability[]> {
  tell(from.host, started(to.host).our.text, "take", { capabilities });
  await settle();
  return to.all.at(-1)?.envelope.capabilities ?? [];
}

describe("Issue", () => {
  test("gives a process a capability of the issuer, which it may hand on", async () => {
    const { a, b, c } = three();
    const issued = await issue(a, B, READ);
    expect(issued).toEqual({ issuer: `alice.os@${A}`, params: READ });
    expect([has(b, issued), has(c, issued)]).toEqual([true, false]);
    expect(await give(b, c, [issued])).toEqual([issued]);
  });

  test("to a process that is not there, or is on another node, is refused", async () => {
    const { a } = three();
    for (const to of ["none:none:template.os", `bob.os@${B}`])
      expect(await thrownBy(() => issue(a, to, READ))).toMatchObject({
        name: "CommandError",
        code: "no_such_process",
        message: `Cannot issue a capability to "${to}" as no process has that name here: send it one with a message, or wait for it`,
      });
  });

  test("to a process that the issuer may not message is refused", async () => {
    const { a, add } = three();
    const shut = new Recorder();
    add("shut:shut:template.os", shut.program);
    expect(await thrownBy(() => issue(a, "shut:shut:template.os", READ))).toMatchObject({
      code: "denied",
      message: `Cannot issue a capability to "shut:shut:template.os" as "alice.os@${A}" may not message it: list it in request_capabilities`,
    });
    expect(started(shut.host).capabilities.list()).toEqual([]);
  });

  test("wants JSON, of at most 4,096 characters", async () => {
    const { a, b } = three();
    expect(await thrownBy(() => issue(a, B, "read"))).toMatchObject({ code: "invalid_capability" });
    await issue(a, B, JSON.stringify("x".repeat(4094)));
    expect(await thrownBy(() => issue(a, B, JSON.stringify("x".repeat(4095))))).toMatchObject({
      message: `Cannot make a capability of "alice.os@${A}" as its params must have at most 4096 characters: got 4097, name what it is about by something shorter`,
    });
    expect(started(b.host).capabilities.list()).toHaveLength(1);
  });

  test.each([[0], [Number.NaN], [Number.POSITIVE_INFINITY], [-1]])("with the end %p is refused", async (expires) => {
    const { a } = three();
    expect(((await thrownBy(() => issue(a, B, READ, expires))) as Error).message).toContain(
      `Cannot make a capability of "alice.os@${A}" as its end must be later than now, `,
    );
  });

  test("beyond limits.capabilities is refused: at it, and one past it; the same again costs nothing", async () => {
    const { a, b } = three({ capabilities: 2 });
    await issue(a, B, "1");
    await issue(a, B, "2");
    await issue(a, B, "2");
    expect(await thrownBy(() => issue(a, B, "3"))).toMatchObject({
      code: "limit_reached",
      message: `Cannot give one more capability to "${B}" as limits.capabilities is 2 capabilities: end some first, or raise it`,
    });
    started(b.host).capabilities.drop([capability(`alice.os@${A}`, "1")]);
    await issue(a, B, "3");
  });
});

describe("Derive", () => {
  test("makes one that says what it is from, what it is restricted to, and who made it", async () => {
    const { a, b } = three();
    const derived = await derive(b, await issue(a, B, READ), { path: "/x" });
    expect(derived.issuer).toBe(`alice.os@${A}`);
    expect(JSON.parse(derived.params)).toEqual({
      derived: { from: { kind: "read" }, only: { path: "/x" }, by: `alice.os@${B}` },
    });
  });

  test("is handed on, saved, and derived from again; what it was derived from is not", async () => {
    const { a, b, c } = three();
    const issued = await issue(a, B, READ);
    const derived = await derive(b, issued, { path: "/x" });
    expect(await give(b, c, [derived])).toEqual([derived]);
    expect(started(c.host).capabilities.save([derived, issued])).toEqual([issued]);
    const again = await derive(c, derived, { size: 1 });
    expect(await give(c, a, [again, issued])).toEqual([again]);
  });

  test("from one that is not held is refused, and so is what is made by hand", async () => {
    const { a, b, c } = three();
    const issued = await issue(a, B, READ);
    const derived = await derive(b, issued, { path: "/x" });
    expect(await thrownBy(() => derive(c, issued, { path: "/x" }))).toMatchObject({
      code: "not_held",
      message: `Cannot derive from a capability of "alice.os@${A}" as "alice.os@${C}" does not hold it: it was never given, was revoked, or has expired`,
    });
    const forged = { ...derived, params: derived.params.replace(B, C) };
    const widened = { ...derived, params: derived.params.replace("/x", "/") };
    expect(await give(c, a, [derived, forged, widened])).toEqual([]);
    expect(started(c.host).capabilities.save([derived, forged, widened])).toEqual([derived, forged, widened]);
  });

  test("wants an object as the restriction", async () => {
    const { a, b } = three();
    const issued = await issue(a, B, READ);
    for (const only of ["/x", 1, ["/x"], true])
      expect(((await thrownBy(() => derive(b, issued, only))) as Error).message).toContain(
        "as its restriction must be an object: got ",
      );
  });

  test("goes eight deep, and no deeper", async () => {
    const { a, b } = three();
    let last = await issue(a, B, "1");
    for (let depth = 0; depth < 8; depth++) last = await derive(b, last, { depth });
    expect(await thrownBy(() => derive(b, last, {}))).toMatchObject({
      message: `Cannot derive a capability of "alice.os@${A}" as it is derived 8 times already: put the restrictions into one`,
    });
  });

  test("of messaging, with nothing but an end, lets message its issuer; with a restriction it does not", async () => {
    const { b, c, add } = three();
    const shut = new Recorder();
    add("shut:shut:template.os", shut.program, { grantCapabilities: [B] });
    const messaging = capability("alice.os@shut:shut:template.os", MESSAGING);
    const [whole, narrow] = [await derive(b, messaging, null), await derive(b, messaging, { topic: "x" })];
    await give(b, c, [narrow, whole]);
    const host = started(c.host);
    host.capabilities.save([narrow]);
    expect(host.capabilities.canMessage(started(shut.host).our)).toBe(false);
    host.capabilities.save([whole]);
    expect(host.capabilities.canMessage(started(shut.host).our)).toBe(true);
    await revoke(b, whole);
    expect(host.capabilities.canMessage(started(shut.host).our)).toBe(false);
  });
});

describe("Revoke", () => {
  test("takes it from everybody, with all that come from it, and tells from how many", async () => {
    const { a, b, c } = three();
    const issued = await issue(a, B, READ);
    const other = await issue(a, B, '{"kind":"write"}');
    const derived = await derive(b, issued, { path: "/x" });
    await give(b, c, [derived, other]);
    started(c.host).capabilities.save([derived, other]);
    expect(await revoke(a, { ...issued, params: ' { "kind" : "read" } ' })).toBe(2);
    expect([has(b, issued), has(c, derived), has(b, other), has(c, other)]).toEqual([false, false, true, true]);
    expect(await give(b, a, [issued, derived])).toEqual([]);
  });

  test("takes offers that were not saved yet", async () => {
    const { a, b, c } = three();
    const issued = await issue(a, B, READ);
    await give(b, c, [issued]);
    await revoke(a, issued);
    expect(started(c.host).capabilities.save([issued])).toEqual([issued]);
  });

  test("reaches what travels: it arrives as one that has lapsed, and cannot be saved", async () => {
    const cast = withA();
    const gate = new Gate();
    const b = new Recorder();
    b.onMessage = () => gate.passed;
    cast.add(B, b.program, { public: true });
    const own = capability(`alice.os@${A}`, READ);
    tell(cast.a.host, B, "in hand");
    tell(cast.a.host, B, "waiting", { capabilities: [own] });
    await settle();
    expect(await revoke(cast.a, own)).toBe(0);
    gate.open();
    await settle();
    expect(b.all.at(-1)?.envelope.capabilities).toEqual([{ ...own, expires: 0 }]);
    expect(started(b.host).capabilities.save([own])).toEqual([own]);
  });

  test("of a derived one is for who derived it too, and leaves what it was derived from", async () => {
    const { a, b, c } = three();
    const issued = await issue(a, B, READ);
    const derived = await derive(b, issued, { path: "/x" });
    await give(b, c, [derived]);
    started(c.host).capabilities.save([derived]);
    expect(await revoke(b, derived)).toBe(1);
    expect([has(c, derived), has(b, issued)]).toEqual([false, true]);
  });

  test("by anybody else is refused", async () => {
    const { a, b, c } = three();
    const issued = await issue(a, B, READ);
    const derived = await derive(b, issued, {});
    for (const cap of [issued, derived])
      expect(await thrownBy(() => revoke(c, cap))).toMatchObject({
        code: "not_issuer",
        message: `Cannot revoke a capability of "alice.os@${A}" as only who issued or derived it may: this is "alice.os@${C}"`,
      });
    expect(await thrownBy(() => revoke(b, issued))).toMatchObject({ code: "not_issuer" });
    expect(has(b, issued)).toBe(true);
  });

  test("of messaging counts at the next send, also by an address that was used before", async () => {
    const { b, add } = three();
    const shut = new Recorder();
    add("shut:shut:template.os", shut.program, { grantCapabilities: [B] });
    const host = started(b.host);
    const { target } = request(host, "shut:shut:template.os", 0);
    const send = async (): Promise<unknown> => {
      const envelope = request(host, "shut:shut:template.os", "hi", { expects: 1 });
      envelope.target = target;
      host.send(envelope);
      await settle();
      return b.all.at(-1)?.error;
    };
    expect(await send()).toBeUndefined();
    await revoke(shut, capability(started(shut.host).our, MESSAGING));
    expect(await send()).toBe("Denied");
  });

  test("comes with the end of who issued it, and of who derived it", async () => {
    const cast = three();
    const { a, b, c, node } = cast;
    const issued = await issue(a, B, READ);
    const derived = await derive(b, issued, {});
    await give(b, c, [derived, issued]);
    started(c.host).capabilities.save([derived, issued]);
    node.kernel.registry.get(started(b.host).our.id)?.kill();
    expect([has(c, derived), has(c, issued)]).toEqual([false, true]);
    node.kernel.registry.get(started(a.host).our.id)?.kill();
    expect(started(c.host).capabilities.list()).toEqual([]);
  });

  test("by a person's DropCapabilities takes what its holder made of it along", async () => {
    const { a, b, c, node } = three();
    const issued = await issue(a, B, READ);
    const derived = await derive(b, issued, {});
    await give(b, c, [derived, issued]);
    started(c.host).capabilities.save([derived, issued]);
    const holder = node.kernel.registry.get(started(b.host).our.id);
    if (holder !== undefined) node.kernel.takeFrom(holder, issued);
    expect([has(b, issued), has(c, derived), has(c, issued)]).toEqual([false, false, true]);
  });
});

describe("what expires", () => {
  const soon = ({ clock }: Cast): number => clock.now() + 1000;

  test("is held until its end, and not after", async () => {
    const cast = three();
    const issued = await issue(cast.a, B, READ, soon(cast));
    await cast.advance(990);
    expect([has(cast.b, issued), started(cast.b.host).capabilities.list()]).toEqual([true, [issued]]);
    await cast.advance(20);
    expect([has(cast.b, issued), started(cast.b.host).capabilities.list()]).toEqual([false, []]);
    expect(await give(cast.b, cast.c, [issued])).toEqual([]);
  });

  test("lets message until then, also by an address that was used before", async () => {
    const cast = three();
    const shut = new Recorder();
    cast.add("shut:shut:template.os", shut.program);
    const messaging = { ...capability(started(shut.host).our, MESSAGING), expires: soon(cast) };
    await give(shut, cast.b, [messaging]);
    const host = started(cast.b.host);
    expect(host.capabilities.save([messaging])).toEqual([]);
    const { target } = request(host, "shut:shut:template.os", 0);
    const send = async (): Promise<unknown> => {
      const envelope = request(host, "shut:shut:template.os", "hi", { expects: 60 });
      envelope.target = target;
      host.send(envelope);
      await settle();
      return cast.b.all.at(-1)?.error;
    };
    expect([await send(), await send()]).not.toContain("Denied");
    await cast.advance(1010);
    expect(await send()).toBe("Denied");
  });

  test("is not made to last longer by who hands it on, saves it, or derives from it", async () => {
    const cast = three();
    const issued = await issue(cast.a, B, READ, soon(cast));
    const { expires, ...endless } = issued;
    const later = { ...issued, expires: (expires ?? 0) + 5000 };
    expect(await give(cast.b, cast.c, [endless, later])).toEqual([issued, issued]);
    started(cast.c.host).capabilities.save([endless]);
    expect(started(cast.c.host).capabilities.list()).toEqual([issued]);
    expect((await derive(cast.b, endless, {})).expires).toBe(expires);
    await cast.advance(1010);
    expect(started(cast.c.host).capabilities.list()).toEqual([]);
  });

  test("may be made to end sooner", async () => {
    const cast = three();
    const issued = await issue(cast.a, B, READ);
    const sooner = { ...issued, expires: soon(cast) };
    expect(await give(cast.b, cast.c, [sooner])).toEqual([sooner]);
    expect((await derive(cast.b, issued, null, soon(cast))).expires).toBe(soon(cast));
  });

  test("held twice ends with the later", async () => {
    const cast = three();
    const first = await issue(cast.a, B, READ, soon(cast));
    await issue(cast.a, B, READ, soon(cast) + 1000);
    await issue(cast.a, B, READ, soon(cast));
    await cast.advance(1500);
    expect(has(cast.b, first)).toBe(true);
    await cast.advance(600);
    expect(has(cast.b, first)).toBe(false);
  });

  test("leaves those that do not, and wakes for each in turn", async () => {
    const cast = three();
    await issue(cast.a, B, "1", soon(cast));
    await issue(cast.a, B, "2");
    await issue(cast.a, B, "3", soon(cast) + 1000);
    const left = (): readonly string[] =>
      started(cast.b.host)
        .capabilities.list()
        .map(({ params }) => params);
    await cast.advance(1010);
    expect(left()).toEqual(["2", "3"]);
    await cast.advance(1010);
    expect(left()).toEqual(["2"]);
  });

  test("is no offer any more when it comes too late", async () => {
    const cast = withA();
    const gate = new Gate();
    const b = new Recorder();
    b.onMessage = () => gate.passed;
    cast.add(B, b.program, { public: true });
    const own = { ...capability(`alice.os@${A}`, READ), expires: cast.clock.now() + 1000 };
    tell(cast.a.host, B, "in hand");
    tell(cast.a.host, B, "waiting", { capabilities: [own] });
    await cast.advance(1010);
    gate.open();
    await settle();
    expect(started(b.host).capabilities.save([own])).toEqual([own]);
  });

  test("with an end that is no number goes nowhere", async () => {
    const { a, b } = three();
    const own = capability(`alice.os@${A}`, READ);
    for (const expires of ["soon", Number.NaN, null])
      expect(await give(a, b, [{ ...own, expires } as Capability])).toEqual([]);
  });

  test("passes to a child with its end", async () => {
    const cast = three();
    const issued = await issue(cast.a, B, READ, soon(cast));
    let child: Host | undefined;
    await started(cast.b.host).spawn({
      name: "child",
      program: {
        start: (host) => {
          child = host;
          return { handle: () => undefined };
        },
      },
      requestCapabilities: [{ process: A, params: { kind: "read" } }],
    });
    expect(child?.capabilities.has(issued)).toBe(true);
    await cast.advance(1010);
    expect(child?.capabilities.has(issued)).toBe(false);
  });
});

describe("an answer", () => {
  test("that is awaited brings capabilities that can be saved", async () => {
    const own = capability(`alice.os@${B}`, READ);
    const cast = withA();
    cast.add(
      B,
      program((_, host) => host.respond({ body: 1, capabilities: [own] })),
      { public: true },
    );
    const host = started(cast.a.host);
    const answer = await host.call(request(host, B, "give", { expects: 5 }));
    expect(answer.capabilities).toEqual([own]);
    expect(host.capabilities.save([own])).toEqual([]);
  });
});

describe("what came with a message", () => {
  test("may be attached to another without being saved", async () => {
    const { a, b, c } = three();
    const own = capability(`alice.os@${A}`, READ);
    await give(a, b, [own]);
    expect(started(b.host).capabilities.list()).toEqual([]);
    expect(await give(b, c, [own])).toEqual([own]);
  });
});

describe("HeldBy", () => {
  test("tells an issuer what a process holds of its own, derived ones too, and of no other's", async () => {
    const cast = three();
    const { a, b, c } = cast;
    const issued = await issue(a, B, READ);
    const derived = await derive(b, issued, {});
    await give(b, c, [derived]);
    started(c.host).capabilities.save([derived]);
    expect(await command(a, { HeldBy: { holder: `alice.os@${C}` } })).toEqual([derived]);
    expect(await command(b, { HeldBy: { holder: C } })).toEqual([]);
    expect(await command(a, { HeldBy: { holder: `bob.os@${C}` } })).toEqual([]);
    expect(await command(a, { HeldBy: { holder: "none:none:template.os" } })).toEqual([]);
  });
});

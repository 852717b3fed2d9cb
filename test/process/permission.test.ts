/** allowed(): what an issuer asks before it acts, and the confused deputy that it is there for (contract kinode §4). */
import { describe, expect, test } from "@jest/globals";
import { allowed, type Capability, type Context, defineProcess, type Message } from "../../lib/process/index.ts";
import { covers } from "../../lib/process/permission.ts";
import { Address, capability, derivedFrom, type Host, type HostCommand } from "../../lib/protocol/index.ts";
import { A, B, type Cast, withA } from "../support/cast.ts";
import { ask, Gate, request, settle, started, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const VAULT = "vault:vault:sys";
const issuer = `alice.os@${VAULT}`;
const READ = { kind: "read", box: "diary" };
const cap = (params: unknown): Capability => capability(issuer, JSON.stringify(params));

describe("covers()", () => {
  const derived = (base: unknown, ...restrictions: readonly unknown[]): Capability =>
    restrictions.reduce<Capability>((parent, only) => derivedFrom(parent, only, `alice.os@${A}`), cap(base));
  const facts = { path: "/diary/may/1", size: 10 };
  const meets = (field: string, value: unknown): boolean =>
    field === "below" && facts.path.startsWith(`${String(value)}/`);

  test.each<[string, Capability, boolean]>([
    ["the very params", cap(READ), true],
    ["them in another order", cap({ box: "diary", kind: "read" }), true],
    ["root", cap({ root: true }), true],
    ["root of another shape", cap({ root: 1 }), false],
    ["root and more", cap({ root: true, more: 1 }), false],
    ["another kind", cap({ kind: "write", box: "diary" }), false],
    ["less than is needed", cap({ kind: "read" }), false],
    ["nothing", cap({}), false],
    ["null", cap(null), false],
    ["more than is needed", cap({ ...READ, path: "/diary/may/1" }), false],
    ["a restriction that is met", derived(READ, { path: "/diary/may/1" }), true],
    ["one of root that is met", derived({ root: true }, { box: "diary" }), true],
    ["one that is met in the issuer's way", derived(READ, { below: "/diary/may" }), true],
    ["one that is not", derived(READ, { path: "/diary/may/2" }), false],
    ["one that is not, in the issuer's way", derived(READ, { below: "/diary/ma" }), false],
    ["several that are", derived(READ, { size: 10 }, { path: "/diary/may/1" }, null), true],
    ["several of which the first is not", derived(READ, { size: 11 }, { path: "/diary/may/1" }), false],
    ["several of which the last is not", derived(READ, { size: 10 }, { path: "/" }), false],
    ["one with two fields of which one is not", derived(READ, { size: 10, path: "/" }), false],
    ["one that nobody understands", derived(READ, { weekday: "monday" }), false],
    ["one by a name of Object's own", derived(READ, { toString: null }), false],
    ["none, which ends apart only", derived(READ, null), true],
    ["one of another base", derived({ kind: "write", box: "diary" }, null), false],
    ["what looks derived and is not", cap({ derived: { from: READ, only: null } }), false],
    ["what looks derived and says more", cap({ derived: { from: READ, only: null, by: "x", more: 1 } }), false],
    ["a restriction that is no object", cap({ derived: { from: READ, only: "x", by: "x" } }), false],
    ["one that is a list", cap({ derived: { from: READ, only: [], by: "x" } }), false],
  ])("%s", (_, held, enough) => {
    expect(covers(held, READ, { facts, meets })).toBe(enough);
  });
});

type House = Cast & { readonly deputy: Recorder };

/** A vault that reads out its boxes to who may, and gives keys; A, a client; B, a deputy that does what it is asked. */
function house({ waitFor }: { readonly waitFor?: Promise<void> } = {}): House {
  const cast = withA({ onExit: "Restart" });
  cast.add(
    VAULT,
    defineProcess({
      async onRequest(_, message: Message, ctx: Context) {
        await waitFor;
        const body = message.body as { readonly box: string; readonly path?: string };
        const facts = body.path === undefined ? {} : { path: body.path };
        const may = await allowed(
          ctx,
          message,
          { kind: "read", box: body.box },
          { owner: "owner-package:template.os", facts },
        );
        ctx.respond(may ? `what is in ${body.box}` : { Err: "NoReadCap" });
      },
    }),
    { public: true },
  );
  const deputy = new Recorder();
  cast.add(B, deputy.program, { public: true, requestCapabilities: [{ process: VAULT, params: READ }] });
  return { ...cast, deputy };
}

const read = async (
  who: Host,
  box: string,
  capabilities: readonly Capability[] = [],
  path?: string,
): Promise<unknown> =>
  (await who.call(request(who, VAULT, { box, ...(path === undefined ? {} : { path }) }, { expects: 5, capabilities })))
    .body;

const NO = { Err: "NoReadCap" };
const DIARY = "what is in diary";
const given = async (of: Recorder, asked: HostCommand): Promise<Capability> =>
  (await started(of.host).command(asked)) as Capability;

describe("allowed()", () => {
  test("says yes to who holds it, and to nobody else", async () => {
    const { a, deputy } = house();
    expect(await read(started(deputy.host), "diary")).toBe(DIARY);
    expect(await read(started(deputy.host), "letters")).toEqual(NO);
    expect(await read(started(a.host), "diary")).toEqual(NO);
  });

  test("says yes to the owner's processes, without a capability", async () => {
    const cast = house();
    const [own, near] = [new Recorder(), new Recorder()];
    cast.add("any:owner-package:template.os", own.program, { public: true });
    cast.add("any:owner-package:template.other", near.program, { public: true });
    expect(await read(started(own.host), "letters")).toBe("what is in letters");
    expect(await read(started(near.host), "letters")).toEqual(NO);
  });

  test("counts what is attached, held by who sent it", async () => {
    const { a, deputy } = house();
    tell(deputy.host, A, "take", { capabilities: [cap(READ)] });
    await a.next();
    expect(await read(started(a.host), "diary", [cap(READ)])).toBe(DIARY); // not saved: it came with a message
    expect(await read(started(a.host), "letters", [cap(READ)])).toEqual(NO);
  });

  test("does not count what is attached and never came to who sent it: the kernel leaves it out", async () => {
    const { a } = house();
    expect(await read(started(a.host), "diary", [cap(READ), cap({ root: true })])).toEqual(NO);
  });

  test("counts attached before ambient: who attaches too little does not fall back on what it holds, or owns", async () => {
    const cast = house();
    const narrow = await given(cast.deputy, { Derive: { capability: cap(READ), only: { path: "/1" } } });
    expect(await read(started(cast.deputy.host), "diary", [narrow])).toEqual(NO);
    expect(await read(started(cast.deputy.host), "diary", [narrow], "/1")).toBe(DIARY);
    const own = new Recorder();
    cast.add("any:owner-package:template.os", own.program, {
      public: true,
      requestCapabilities: [{ process: VAULT, params: READ }],
    });
    expect(await read(started(own.host), "letters", [cap(READ)])).toEqual(NO);
  });

  test("knows a derived one that is held, by its restriction, and both ends", async () => {
    const cast = house();
    const narrow = await given(cast.deputy, {
      Derive: { capability: cap(READ), only: { path: "/1" }, expires: cast.clock.now() + 1000 },
    });
    tell(cast.deputy.host, A, "take", { capabilities: [narrow] });
    await cast.a.next();
    const a = started(cast.a.host);
    a.capabilities.save([narrow]);
    expect([await read(a, "diary", [], "/1"), await read(a, "diary", [], "/2"), await read(a, "diary")]).toEqual([
      DIARY,
      NO,
      NO,
    ]);
    await cast.advance(1010);
    expect(await read(a, "diary", [], "/1")).toEqual(NO);
  });

  test("says no from the moment on that it was revoked", async () => {
    const cast = withA();
    const vault = new Recorder();
    cast.add(VAULT, vault.program, { public: true, grantCapabilities: [{ process: A, params: READ }] });
    const message = { source: started(cast.a.host).our, capabilities: [] };
    const asked = (): Promise<boolean> => allowed({ host: started(vault.host) }, message, READ);
    expect(await asked()).toBe(true);
    await started(vault.host).command({ Revoke: { capability: cap(READ) } });
    expect(await asked()).toBe(false);
  });

  test("says no to another node, whatever it attaches", async () => {
    const cast = withA();
    const vault = new Recorder();
    cast.add(VAULT, vault.program, { public: true, grantCapabilities: [{ process: A, params: READ }] });
    const source = Address.parse(`bob.os@${A}`);
    for (const capabilities of [[], [cap(READ)], [cap({ root: true })]])
      expect(
        await allowed({ host: started(vault.host) }, { source, capabilities }, READ, {
          owner: "a-package:template.os",
        }),
      ).toBe(false);
  });
});

describe("a deputy", () => {
  /** As its author wrote it: it reads for others, carelessly or with onBehalfOf. */
  function deputyThat(cares: boolean): House {
    const cast = house();
    cast.add(
      "reader:reader:template.os",
      defineProcess({
        async onRequest(_, message, ctx) {
          const asking = ctx.request(VAULT).body(message.body);
          const answer = await (cares ? asking.onBehalfOf(message) : asking).sendAndAwaitResponse();
          ctx.respond(answer.body);
        },
      }),
      { public: true, requestCapabilities: [{ process: VAULT, params: READ }] },
    );
    return cast;
  }

  const viaReader = async ({ a }: House, capabilities: readonly Capability[] = []): Promise<unknown> =>
    (await ask(a.host, "reader:reader:template.os", { box: "diary" }, { capabilities })).body;

  test("that is careless reads the diary to anybody: what this is about", async () => {
    expect(await viaReader(deputyThat(false))).toBe(DIARY);
  });

  test("that asks on behalf of who asked it uses no right of its own", async () => {
    const cast = deputyThat(true);
    expect(await viaReader(cast)).toEqual(NO);
    expect(await viaReader(cast, [cap(READ), cap({ root: true })])).toEqual(NO); // made up: they never arrive
  });

  test("passes on the right that came with the question, without keeping it", async () => {
    const cast = deputyThat(true);
    tell(cast.deputy.host, A, "take", { capabilities: [cap(READ)] });
    await cast.a.next();
    expect(await viaReader(cast, [cap(READ)])).toBe(DIARY);
    expect(await viaReader(cast)).toEqual(NO); // the next one brought none
  });

  test("whose asker's right was revoked on the way is refused: it does not fall back on its own", async () => {
    const gate = new Gate();
    const cast = house({ waitFor: gate.passed });
    const lent = await given(cast.deputy, { Derive: { capability: cap(READ), only: null } });
    const deputy = started(cast.deputy.host);
    const first = read(deputy, "diary"); // holds the vault's mailbox
    const second = read(deputy, "diary", [lent]);
    await settle();
    await deputy.command({ Revoke: { capability: lent } });
    gate.open();
    expect([await first, await second, await read(deputy, "diary")]).toEqual([DIARY, NO, DIARY]);
  });
});

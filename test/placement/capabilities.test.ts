/** DESIGN §3.8, wherever a process runs: it may message whom it was granted, and asks about that at once. */
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Message } from "../../lib/process/index.ts";
import type { Me } from "../support/puppet.ts";
import { A, B, C, PLACEMENTS, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

const held = (me: Me): string[] => me.ctx.capabilities.list().map(({ issuer, params }) => `${issuer} ${params}`);
const may = (me: Me, to: string): boolean => me.ctx.capabilities.canMessage(me.lib.Address.parse(to));

describe.each(PLACEMENTS)("%s: capabilities", (placement) => {
  test("are those of the manifest: listed, held, and good for messages", async () => {
    const on = await startStage(placement);
    const b = await on.add(B, { public: false });
    const a = await on.add(A, {
      request: [B, { process: "vfs:distro:sys", params: { kind: "read", drive: "/a:b/c" } }],
    });
    const list = await a.run(held);
    expect(list).toContain(`alice.os@${B} "messaging"`);
    expect(list).toContain('alice.os@vfs:distro:sys {"kind":"read","drive":"/a:b/c"}');
    expect(await a.run(may, `alice.os@${B}`)).toBe(true);
    expect(await a.run(may, `alice.os@nobody:nothing:template.os`)).toBe(false);
    expect(await b.run(may, `alice.os@${A}`)).toBe(true);
    const has = await a.run(
      (me, issuer) => [
        me.ctx.capabilities.has(me.lib.capability("alice.os@vfs:distro:sys", '{"kind":"read","drive":"/a:b/c"}')),
        me.ctx.capabilities.has(me.lib.capability("alice.os@vfs:distro:sys", '{"kind":"write","drive":"/a:b/c"}')),
        me.ctx.capabilities.has(me.lib.capability(issuer, me.lib.MESSAGING)),
      ],
      `alice.os@${B}`,
    );
    expect(has).toEqual([true, false, true]);
  });

  test("are there in init already", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, {
      request: [B],
      init: (me) => me.report(me.ctx.capabilities.list().map(({ issuer }) => issuer)),
    });
    expect(await a.next()).toContain(`alice.os@${B}`);
  });

  test("case 42: of one that never came, save is refused; what came with a message is kept and lets message its issuer", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, { public: false, request: [A] });
    const outcomes = await a.run((me, issuer) => {
      const wanted = me.lib.capability(issuer, me.lib.MESSAGING);
      const refused = me.ctx.capabilities.save([wanted]);
      return [refused.map((each) => each.issuer), me.ctx.capabilities.has(wanted)];
    }, `alice.os@${B}`);
    expect(outcomes).toEqual([[`alice.os@${B}`], false]);

    await a.on(
      "request",
      (me, message, to) => {
        const refused = me.ctx.capabilities.save(message.capabilities);
        me.report([refused, me.ctx.capabilities.canMessage(message.source)]); // at once, in the same handler
        me.ctx.request(to).body("hello").send();
      },
      B,
    );
    await b.run((me, to) => {
      me.ctx
        .request(to)
        .capabilities([me.lib.capability(me.ctx.our, me.lib.MESSAGING)])
        .send();
    }, A);
    expect(await a.next()).toEqual([[], true]);
    expect(await b.next()).toEqual(expect.objectContaining({ source: `alice.os@${A}`, body: "hello" }));
  });

  test("may be saved later than they came", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B, { public: false, request: [A] });
    await a.on("request", (me, message) => {
      me.keep.asked = message;
      me.report("kept");
    });
    await b.run((me, to) => {
      me.ctx
        .request(to)
        .capabilities([me.lib.capability(me.ctx.our, me.lib.MESSAGING)])
        .send();
    }, A);
    await a.next();
    const outcome = await a.run((me) => [
      me.ctx.capabilities.save((me.keep.asked as Message).capabilities).length,
      me.ctx.capabilities.canMessage(me.keep.asked.source),
    ]);
    expect(outcome).toEqual([0, true]);
  });

  test("that a process drops are gone at once, for list, has, canMessage and the next message", async () => {
    const on = await startStage(placement);
    await on.add(B, { public: false });
    const a = await on.add(A, { request: [B] });
    const outcome = await a.run(async (me, to) => {
      const target = me.lib.Address.parse(to);
      const held = me.lib.capability(to, me.lib.MESSAGING);
      const before = [me.ctx.capabilities.has(held), me.ctx.capabilities.canMessage(target)];
      me.ctx.request(to).body("allowed").send();
      me.ctx.capabilities.drop([held]);
      const after = [me.ctx.capabilities.has(held), me.ctx.capabilities.canMessage(target)];
      const listed = me.ctx.capabilities.list().some(({ issuer }) => issuer === to);
      return [before, after, listed, await me.caught(() => me.ctx.request(to).body("denied").sendAndAwaitResponse())];
    }, `alice.os@${B}`);
    expect(outcome).toEqual([[true, true], [false, false], false, expect.objectContaining({ error: "Denied" })]);
    expect(await on.puppet(B).next()).toEqual(expect.objectContaining({ body: "allowed" }));
  });

  test("that the sender neither holds nor issues, nor got with a message, do not travel, with requests or answers", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { request: [{ process: "vfs:distro:sys", params: "held" }] });
    const b = await on.add(B);
    await b.on("request", (me, message) => {
      me.report(me.seen(message).capabilities);
      const { our } = me.ctx;
      me.ctx.respond(1, {
        capabilities: [
          me.lib.capability(our, '"b"'),
          me.lib.capability("alice.os@vfs:distro:sys", '"held"'), // it came with the request
          me.lib.capability("alice.os@vfs:distro:sys", '"forged"'),
        ],
      });
    });
    const answered = await a.run(async (me, to) => {
      const answer = await me.ctx
        .request(to)
        .capabilities([
          me.lib.capability(me.ctx.our, '"own"'),
          me.lib.capability("alice.os@vfs:distro:sys", '"held"'),
          me.lib.capability("alice.os@vfs:distro:sys", '"forged"'),
        ])
        .sendAndAwaitResponse();
      return me.seen(answer).capabilities;
    }, B);
    expect(await b.next()).toEqual([`alice.os@${A} "own"`, 'alice.os@vfs:distro:sys "held"']);
    expect(answered).toEqual([`alice.os@${B} "b"`, 'alice.os@vfs:distro:sys "held"']);
  });

  test("given and taken by the kernel while it runs count for its next message", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    await on.add(B, { public: false });
    const capabilities = [{ issuer: `alice.os@${B}`, params: '"messaging"' }];
    expect(await a.run(may, `alice.os@${B}`)).toBe(false);
    on.tell("kernel:distro:sys", { GrantCapabilities: { target: A, capabilities } });
    expect(await a.run(may, `alice.os@${B}`)).toBe(true);
    expect(await a.run(held)).toContain(`alice.os@${B} "messaging"`);
    on.tell("kernel:distro:sys", { DropCapabilities: { target: A, capabilities } });
    expect(await a.run(may, `alice.os@${B}`)).toBe(false);
    expect(await a.run((me, to) => me.caught(() => me.ctx.request(to).sendAndAwaitResponse()), B)).toEqual(
      expect.objectContaining({ error: "Denied" }),
    );
  });

  test("stay with the process over a restart", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { request: [C], onExit: "Restart" });
    const b = await on.add(B, { public: false, request: [A] });
    await a.on("request", (me, { capabilities }) => void me.ctx.capabilities.save(capabilities));
    await b.run((me, to) => {
      me.ctx
        .request(to)
        .capabilities([me.lib.capability(me.ctx.our, me.lib.MESSAGING)])
        .send();
    }, A);
    await a.run((me, to) => {
      me.ctx.capabilities.drop([me.lib.capability(to, me.lib.MESSAGING)]);
    }, `alice.os@${C}`);
    await a.crash(() => {
      throw new Error("on purpose");
    });
    const list = await a.run(held);
    expect(list).toContain(`alice.os@${B} "messaging"`);
    expect(list).not.toContain(`alice.os@${C} "messaging"`);
  });

  test("Holds: only its issuer may ask who holds a capability", async () => {
    const on = await startStage(placement);
    const a = await on.add(A, { request: [{ process: B, params: "x" }] });
    const b = await on.add(B);
    const ask = (me: Me, { holder, params }: { readonly holder: string; readonly params: string }): Promise<unknown> =>
      me.ctx.host.command({
        Holds: { holder, capability: me.lib.capability("alice.os@b:b-package:template.os", params) },
      });
    expect(await b.run(ask, { holder: A, params: '"x"' })).toBe(true);
    expect(await b.run(ask, { holder: A, params: '"y"' })).toBe(false);
    const refused = await a.run((me, to) => {
      const capability = me.lib.capability(to, '"x"');
      return me.caught(() => me.ctx.host.command({ Holds: { holder: "a:a-package:template.os", capability } }));
    }, `alice.os@${B}`);
    expect(refused).toEqual(
      expect.objectContaining({ code: expect.any(String), message: expect.stringContaining("Cannot") }),
    );
  });
});

/** What the kernel changes about messages that are on their way to a process, wherever that runs. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Envelope, ProcessId } from "../../lib/protocol/index.ts";
import { A, APART, B, C, PLACEMENTS, startStage, stopStages } from "../support/stage.ts";

afterEach(stopStages);

describe.each(PLACEMENTS)("%s: while a message waits,", (placement) => {
  test("a capability that is revoked arrives with it as one that has lapsed", async () => {
    const on = await startStage(placement);
    const a = await on.add(A);
    const b = await on.add(B);
    const issued = await a.run((me, to) => me.ctx.capabilities.issue({ kind: "read" }, { to }), B);
    await a.on(
      "request",
      async (me, { body, capabilities }, issued) => {
        if (body === "two") return me.report(capabilities.map(({ params, expires }) => [params, expires ?? "lasts"]));
        me.report("begun");
        await me.gate("go on");
        return me.report(await me.ctx.capabilities.revoke(issued));
      },
      issued,
    );
    await b.run(
      (me, { to, issued }) => {
        me.ctx.request(to).body("one").send();
        const other = { ...issued, issuer: me.ctx.our.text, params: '"mine"' };
        me.ctx.request(to).body("two").capabilities([issued, other]).send();
      },
      { to: A, issued },
    );
    expect(await a.next()).toBe("begun");
    a.open("go on");
    expect(await a.next()).toBe(1);
    expect(await a.next()).toEqual([
      [issued.params, 0],
      ['"mine"', "lasts"],
    ]);
  });

  test("what a monitor has told goes with it", async () => {
    const on = await startStage(placement);
    const [a, b] = [await on.add(A), await on.add(B)];
    await a.run(async (me, all) => void (await Promise.all(all.map((to) => me.ctx.monitor(to)))), [B]);
    await a.on(
      "request",
      async (me, _, b) => {
        me.report("begun");
        await me.gate("go on");
        await me.ctx.demonitor(b);
      },
      B,
    );
    await b.run((me, to) => me.ctx.request(to).send(), A);
    expect(await a.next()).toBe("begun");
    on.node.kernel.registry.get(ProcessId.parse(B))?.kill();
    await on.heard("process-gone", B);
    a.open("go on");
    expect(await a.run(() => "behind it")).toBe("behind it");
    expect(a.waiting).toEqual([]);
  });
});

describe.each(PLACEMENTS)("%s: on_exit", (placement) => {
  test("keeps the metadata of its requests, of its own and of a child's", async () => {
    const on = await startStage(placement);
    const [a, c] = [await on.add(A), await on.add(C)];
    const kept = await a.run(
      async (me, { to, placement }) => {
        const onExit = (metadata: string) => ({ Requests: [{ target: to, body: "bye", metadata }] });
        me.ctx.onExit = onExit("of a");
        await me.ctx.spawn({ name: "child", file: "puppet.mjs", placement, onExit: onExit("of a child") });
        return me.ctx.onExit;
      },
      { to: C, placement },
    );
    expect(kept).toMatchObject({ Requests: [{ metadata: "of a" }] });
    await on.puppet("child:a-package:template.os").run((me) => me.ctx.exit());
    expect(await c.next()).toMatchObject({ body: "bye", metadata: "of a child" });
    await a.run((me) => me.ctx.exit());
    expect(await c.next()).toMatchObject({ body: "bye", metadata: "of a" });
  });
});

describe.each(APART)("%s: when what is on its way is taken back", (placement) => {
  test("there is room again, also where nothing is in hand that would make some", async () => {
    const on = await startStage(placement, { limits: { realmMessages: 3 } });
    const a = await on.add(A);
    await a.run((me) => {
      me.ctx.after(0, async () => {
        me.report("due");
        await me.gate("go on");
      });
    });
    expect(await a.next()).toBe("due");
    const process = on.node.kernel.registry.get(ProcessId.parse(A));
    const isOurs = ({ body }: Envelope): boolean => typeof body === "number";
    for (const body of [1, 2, 3]) on.tell(A, body);
    await null;
    expect([process?.idle, process?.waiting().length]).toEqual([false, 3]);
    expect(process?.recall(isOurs).map(({ body }) => body)).toEqual([1, 2, 3]);
    a.open("go on");
    expect(await a.run(() => "lives")).toBe("lives");
    expect(a.waiting).toEqual([]);
  });
});

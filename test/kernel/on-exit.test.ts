/** OnExit Requests (contract kinode §3.2): how they may be written, when they are sent, and what they bring. */
import { describe, expect, test } from "@jest/globals";
import { readOnExit } from "../../kernel/on-exit.ts";
import { Blob } from "../../lib/protocol/index.ts";
import { A, B, type Cast, KERNEL, withA } from "../support/cast.ts";
import { member, startFamily } from "../support/family.ts";
import { program, settle, started, tell, thrownBy } from "../support/kernel.ts";

const request = { body: "bye", metadata: "m", blob: { mime: "text/plain", bytes: [104, 105] } };

/** B throws when told to; A hears what B leaves. */
function leaving(): Cast {
  const cast = withA({ requestCapabilities: [KERNEL] });
  const b = program(({ body }) => {
    if (body === "throw") throw new Error("told to");
  });
  cast.add(B, b, { public: true });
  return cast;
}

describe("readOnExit()", () => {
  test.each<[unknown]>([
    [{ target: A, ...request }],
    [[`our@${A}`, { inherit: false, expects_response: 5, body: "bye", metadata: "m", capabilities: [] }, request.blob]],
  ])("reads %j", (written) => {
    const onExit = readOnExit({ Requests: [written] });
    const Requests = typeof onExit === "string" ? [] : onExit.Requests;
    expect(Requests).toMatchObject([{ target: `our@${A}`, body: "bye", metadata: "m" }]);
    expect([Requests[0]?.blob?.mime, Requests[0]?.blob?.text()]).toEqual(["text/plain", "hi"]);
  });

  test.each<[unknown, string]>([
    ["Always", "an object is missing"],
    [{ Requests: 1 }, 'on_exit must be "None", "Restart" or {"Requests":[…]}'],
    [{ Requests: [1] }, "an object is missing"],
    [{ Requests: [[A]] }, "an object is missing"],
    [{ Requests: [{ target: A, metadata: 1 }] }, "metadata must be a text, or null"],
    [{ Requests: [{ target: A, blob: "hi" }] }, 'a blob must be {"mime":text or null,"bytes":[0 to 255, …]}, or null'],
    [
      { Requests: [{ target: A, blob: { bytes: [256] } }] },
      'a blob must be {"mime":text or null,"bytes":[0 to 255, …]}, or null',
    ],
  ])("refuses %j", async (value, message) => {
    expect(await thrownBy(() => readOnExit(value))).toMatchObject({ message });
  });
});

describe("Requests", () => {
  test("set by SetOnExit bring body, metadata and blob from the dead process's address, and expect nothing", async () => {
    const { a } = leaving();
    tell(a.host, KERNEL, {
      SetOnExit: { target: B, on_exit: { Requests: [[A, { ...request, expects_response: 5 }, request.blob]] } },
    });
    await settle();
    tell(a.host, B, "throw");
    await settle();
    expect(a.all).toMatchObject([
      {
        source: `alice.os@${B}`,
        body: "bye",
        metadata: "m",
        text: "hi",
        envelope: { rsvp: null, expectsResponse: null },
      },
    ]);
  });

  test("are sent for one that its parent stops in peace, not for one that has to be killed", async () => {
    const family = startFamily();
    const heard: unknown[] = [];
    family.add(
      B,
      program(({ source }) => void heard.push(source.id.process)),
      { public: true },
    );
    await family.order("a", { spawn: [{ name: "peaceful" }, { name: "hangs" }] });
    for (const name of ["peaceful", "hangs"]) family.ctx(name).onExit = { Requests: [{ target: B, body: "bye" }] };
    await family.order("hangs", { does: "hang" });
    const stopped = ["peaceful", "hangs"].map((name) => family.ctx("a").stopChild(member(name), { seconds: 1 }));
    await family.advance(1_100);
    expect([await Promise.all(stopped), heard]).toEqual([["stopped", "killed"], ["peaceful"]]);
  });

  test("are not sent when the node stops", async () => {
    const cast = leaving();
    const process = cast.node.kernel.registry.all().at(-1);
    if (process !== undefined) process.onExit = { Requests: [{ target: A, body: "bye" }] };
    await cast.stop();
    expect(cast.a.all).toEqual([]);
  });

  test("are not sent by a restart by hand: the process goes on", async () => {
    const cast = leaving();
    const process = cast.node.kernel.registry.all().at(-1);
    if (process !== undefined) process.onExit = { Requests: [{ target: A, body: "bye" }] };
    tell(cast.a.host, KERNEL, { RestartProcess: B });
    await cast.advance(100);
    expect([cast.a.all, process?.incarnation]).toEqual([[], 2]);
  });

  test("keep a blob that was lent when they were set", async () => {
    const cast = withA();
    const lent = new Uint8Array([104, 105]);
    const b = program((_, host) => {
      const blob = Blob.lend(lent, true);
      host.setOnExit({ Requests: [{ target: A, body: "bye", blob }] });
      blob.settle();
      lent.fill(0);
      host.exit();
    });
    cast.add(B, b, { public: true });
    tell(started(cast.a.host), B, 1);
    await settle();
    expect(cast.a.all).toMatchObject([{ body: "bye", text: "hi" }]);
  });
});

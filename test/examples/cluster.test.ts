/** examples/cluster: one node's room in the harness, with two other nodes that answer or do not. In a browser: test/browser. */
import { describe, expect, test } from "@jest/globals";
import room from "../../examples/cluster/room.ts";
import { type Harness, startProcess } from "../../lib/process/harness.ts";
import { exampleFolder } from "./support.ts";

const ROOM = "room:cluster:template.os";
const BOB = `bob.os@${ROOM}`;
const CAROL = `carol.os@${ROOM}`;
const nodes = { "alice.os": "http://a.test/", "bob.os": "http://b.test/", "carol.os": "http://c.test/" };
const here = (...names: readonly string[]) => ({ type: "here", names, isNew: false });

const start = (): Promise<Harness> =>
  startProcess(room, { our: ROOM, folder: exampleFolder("cluster"), settings: { nodes } });

/** Who is where, as a page was last told. */
function people(harness: Harness, channelId: number): unknown {
  return harness
    .pushes(channelId)
    .map((said) => said as { readonly type: string; readonly people: unknown })
    .findLast(({ type }) => type === "people")?.people;
}

describe("the room of a node", () => {
  test("tells the other nodes of its people when one comes, takes a name, and leaves", async () => {
    const harness = await start();
    const ann = await harness.open();
    await harness.push(ann, { type: "name", name: "Ann" });
    expect(people(harness, ann)).toEqual({ "alice.os": ["Ann"] });
    await harness.close(ann);
    const told = harness.sent.map(({ target, body }) => [target.text, (body as { readonly names: unknown }).names]);
    expect(told.slice(2)).toEqual([
      [BOB, ["Ann"]],
      [CAROL, ["Ann"]],
      [BOB, []],
      [CAROL, []],
    ]);
  });

  test("and each second, so that a node that begins anew knows them", async () => {
    const harness = await start();
    await harness.advance(1000);
    expect(harness.sent.map(({ target, body }) => [target.text, body])).toEqual([
      [BOB, { type: "here", names: [], isNew: true }],
      [CAROL, { type: "here", names: [], isNew: true }],
    ]);
  });

  test.each([
    ["is not there", "Offline"],
    ["says nothing for three seconds", "Timeout"],
  ] as const)("shows another node's people until it %s, and again when it is back", async (_, kind) => {
    const harness = await start();
    const ann = await harness.open();
    const name = (people(harness, ann) as Record<string, unknown>)["alice.os"];
    await harness.request(here("Ben"), { from: BOB });
    expect(people(harness, ann)).toEqual({ "alice.os": name, "bob.os": ["Ben"] });
    const [toBob] = harness.sent;
    if (kind === "Offline") await toBob?.fail(kind);
    else await harness.advance(3000);
    expect(people(harness, ann)).toEqual({ "alice.os": name });
    await harness.request(here("Ben"), { from: BOB });
    expect(people(harness, ann)).toEqual({ "alice.os": name, "bob.os": ["Ben"] });
  });

  test("passes on what is said, once to each node and to its own people, with the node that the link says it is of", async () => {
    const harness = await start();
    const ann = await harness.open();
    await harness.push(ann, { type: "name", name: "Ann" });
    const before = harness.sent.length;
    await harness.push(ann, { type: "say", text: "hello" });
    const at = harness.now();
    expect(harness.pushes(ann).at(-1)).toEqual({ type: "said", node: "alice.os", from: "Ann", text: "hello", at });
    const word = { type: "said", from: "Ann", text: "hello", at };
    expect(harness.sent.slice(before).map(({ target, body }) => [target.text, body])).toEqual([
      [BOB, word],
      [CAROL, word],
    ]);
    await harness.request({ ...word, from: "Ben", node: "carol.os" }, { from: BOB });
    expect(harness.pushes(ann).at(-1)).toEqual({ type: "said", node: "bob.os", from: "Ben", text: "hello", at });
  });

  test("gives what was said to a node that is new, and takes it when it is new itself", async () => {
    const harness = await start();
    await harness.request({ type: "said", from: "Ben", text: "hello", at: 1 }, { from: BOB });
    const said = { node: "bob.os", from: "Ben", text: "hello", at: 1, type: "said" };
    const { body } = await harness.request({ ...here(), isNew: true }, { from: CAROL });
    expect(body).toEqual([said]);

    const fresh = await start();
    await fresh.advance(1000);
    await fresh.sent[0]?.answer(body);
    await fresh.sent[1]?.answer([{ ...said, text: "of another order" }]);
    const ann = await fresh.open();
    expect(fresh.pushes(ann)[0]).toMatchObject({ type: "room", node: "alice.os", nodes, history: [said] });
  });

  test.each<[string, unknown, string]>([
    ["another process of the cluster", here("Mallory"), "bob.os@other:cluster:template.os"],
    ["a node that is none of these", here("Mallory"), `mallory.os@${ROOM}`],
    ["a node, but is no word", { type: "here", names: [1] }, BOB],
  ])("refuses what comes from %s", async (_, body, from) => {
    const harness = await start();
    const ann = await harness.open();
    const before = people(harness, ann);
    expect((await harness.request(body, { from })).body).toEqual({ Err: "Refused" });
    expect(people(harness, ann)).toEqual(before);
  });

  test.each([[{ type: "say", text: "" }], [{ type: "say", text: "x".repeat(501) }], [{ type: "name" }], ["hello"]])(
    "refuses %j of a page, and says what to send",
    async (ask) => {
      const harness = await start();
      const ann = await harness.open();
      await harness.push(ann, ask);
      const reason = 'send {"type":"say","text"} with 1 to 500 characters, or {"type":"name","name"} with 1 to 24';
      expect(harness.pushes(ann).at(-1)).toEqual({ type: "refused", reason });
    },
  );
});

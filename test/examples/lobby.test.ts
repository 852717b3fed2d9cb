/** examples/lobby: both processes in the harness, and a player who goes from lobby to room and back on a real node. */
import { afterEach, describe, expect, test } from "@jest/globals";
import lobby from "../../examples/lobby/lobby.ts";
import room from "../../examples/lobby/room.ts";
import { type Harness, startProcess } from "../../lib/process/harness.ts";
import type { TestNode } from "../support/node.ts";
import { destroyAll } from "../support/sockets.ts";
import { exampleFolder, nextJson, nodeWith, register } from "./support.ts";

const LOBBY = "lobby:lobby:template.os";
const RED = "red:lobby:template.os";
const ANN = { type: "join", room: "red", name: "Ann" };

describe("the lobby in the harness", () => {
  const start = (): Promise<Harness> => startProcess(lobby, { our: LOBBY, folder: exampleFolder("lobby") });

  test("a player with a name is handed to the room that was asked for", async () => {
    const harness = await start();
    const channelId = await harness.open();
    expect(harness.pushes(channelId)).toEqual([{ type: "lobby", rooms: ["red", "blue"], name: null }]);
    await harness.push(channelId, ANN);
    expect(harness.transferred).toEqual([{ channelId, to: `alice.os@${RED}`, note: { name: "Ann" } }]);
  });

  test.each<[unknown]>([
    [{ ...ANN, room: "green" }],
    [{ ...ANN, name: "" }],
    [{ ...ANN, name: "x".repeat(25) }],
    [{ type: "say", text: "hello" }],
    ["red"],
    [null],
  ])("%j is refused with what to send", async (ask) => {
    const harness = await start();
    const channelId = await harness.open();
    await harness.push(channelId, ask);
    expect(harness.pushes(channelId)).toContainEqual({
      type: "refused",
      reason: expect.stringMatching(/^send \{"type":"join"/),
    });
    expect(harness.transferred).toEqual([]);
  });

  test("a room that takes nobody leaves the player in the lobby, who is told why", async () => {
    const harness = await startProcess(lobby, {
      folder: exampleFolder("lobby"),
      onTransfer: () => "WsTargetOverloaded",
    });
    const channelId = await harness.open();
    await harness.push(channelId, ANN);
    const reason = "the red room takes nobody now: WsTargetOverloaded";
    expect(harness.pushes(channelId)).toContainEqual({ type: "refused", reason });
    expect(harness.closed(channelId)).toBeUndefined();
  });
});

describe("a room in the harness", () => {
  const from = LOBBY;

  test("after a crash it knows its players by the notes of their channels", async () => {
    const harness = await startProcess(room, { our: RED });
    const ann = await harness.open({ handover: { from, note: { name: "Ann" } } });
    await harness.open({ handover: { from, note: { name: "Bob" } } });
    await harness.restart();
    expect(harness.pushes(ann).at(-1)).toEqual({ type: "joined", who: "Bob", members: 2 });
    await harness.push(ann, { type: "say", text: "hello" });
    expect(harness.published.at(-1)?.value).toEqual({ type: "said", from: "Ann", text: "hello" });
  });

  test.each([
    ["nobody", undefined],
    ["another process", { from: "other:other:sys", note: { name: "Ann" } }],
    ["the lobby of another node", { from: `bob.os@${LOBBY}`, note: { name: "Ann" } }],
    ["the lobby, without a name", { from, note: {} }],
  ])("who was handed over by %s is sent to the lobby", async (_, handover) => {
    const harness = await startProcess(room, { our: RED });
    const channelId = await harness.open(handover === undefined ? {} : { handover });
    expect(harness.closed(channelId)).toEqual({ code: 1008, reason: "come in through the lobby" });
    expect(harness.published).toEqual([]);
  });
});

describe("on a node", () => {
  let node: TestNode | undefined;
  afterEach(async () => {
    destroyAll();
    await node?.stop();
  });

  test("two players meet in a room; one goes back to the lobby and into the other room, on the same socket", async () => {
    node = await nodeWith("lobby");
    const ann = (await register(node, LOBBY)).socket;
    const bob = (await register(node, LOBBY)).socket;
    ann.sendText(JSON.stringify(ANN));
    ann.sendText(JSON.stringify({ type: "say", text: "sent before the room was there" }));
    expect(await nextJson(ann)).toEqual({ type: "lobby", rooms: ["red", "blue"], name: null });
    expect(await nextJson(ann)).toEqual({ type: "room", room: "red", members: ["Ann"] });
    expect(await nextJson(ann)).toEqual({ type: "said", from: "Ann", text: "sent before the room was there" });
    bob.sendText(JSON.stringify({ ...ANN, name: "Bob" }));
    expect(await nextJson(bob)).toMatchObject({ type: "lobby" });
    expect(await nextJson(bob)).toEqual({ type: "room", room: "red", members: ["Ann", "Bob"] });
    expect(await nextJson(ann)).toEqual({ type: "joined", who: "Bob", members: 2 });
    bob.sendText(JSON.stringify({ type: "say", text: "hello" }));
    const said = { type: "said", from: "Bob", text: "hello" };
    expect([await nextJson(ann), await nextJson(bob)]).toEqual([said, said]);

    bob.sendText(JSON.stringify({ type: "leave" }));
    expect(await nextJson(ann)).toEqual({ type: "left", who: "Bob", members: 1 });
    expect(await nextJson(bob)).toEqual({ type: "lobby", rooms: ["red", "blue"], name: "Bob" });
    bob.sendText(JSON.stringify({ type: "join", room: "blue", name: "Bob" }));
    expect(await nextJson(bob)).toEqual({ type: "room", room: "blue", members: ["Bob"] });
  });

  test("nobody gets into a room past the lobby", async () => {
    node = await nodeWith("lobby");
    const { socket } = await register(node, RED);
    expect(await socket.nextClose()).toEqual({ code: 1008, reason: "come in through the lobby" });
  });

  test("its page is served to who is logged in", async () => {
    node = await nodeWith("lobby");
    await nextJson((await register(node, LOBBY)).socket); // welcomed: its init is done
    const page = await fetch(`${node.url}/${LOBBY}/`, { headers: { cookie: node.cookie, accept: "text/html" } });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("lobby.js");
  });
});

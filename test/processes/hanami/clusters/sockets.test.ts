/** Direct mode over sockets: who may connect when, replies, and every way a connection ends (contract hanami §4, §7). */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { ProcessId } from "../../../../lib/protocol/index.ts";
import { randomOf } from "../../../../processes/hanami/clusters/random.ts";
import { until } from "../../../support/channels.ts";
import { destroyAll } from "../../../support/sockets.ts";
import { type ClientMessage, clientMessage } from "../client-message.ts";
import { winner } from "../digits.ts";
import { type Client, type HanamiNode, startHanami, stopHanami } from "../node.ts";
import { ClusterSocket, connectCluster, shake } from "../sockets.ts";
import { base64, finished, T1, T3 } from "./templates.ts";

let hanami: HanamiNode;
let anna: Client;
let cluster: string;
beforeAll(async () => {
  hanami = await startHanami();
  anna = await hanami.login("anna");
});
beforeEach(async () => {
  cluster = await create(T1);
});
afterEach(async () => {
  for (const uuid of made.splice(0)) await anna.delete(`/v1/cluster?uuid=${uuid}`);
  destroyAll();
});
afterAll(stopHanami);

const made: string[] = [];
async function create(template: string): Promise<string> {
  const { body } = await anna.post("/v1/cluster", { name: `mine ${made.length}`, template: base64(template) });
  const { uuid } = body as { readonly uuid: string };
  made.push(uuid);
  return uuid;
}

async function mode(new_state: "TASK" | "DIRECT", uuid = cluster): Promise<number> {
  return (await anna.put("/v1/cluster/set_mode", { uuid, new_state })).status;
}

async function direct(uuid = cluster): Promise<ClusterSocket> {
  await mode("DIRECT", uuid);
  return await connectCluster(hanami.port, anna.token, uuid);
}

/** In the drive of what clusters have learnt. */
function filesOf({ folder }: HanamiNode): readonly string[] {
  const drive = join(folder, "vfs", "hanami@sys", "clusters");
  return existsSync(drive) ? readdirSync(drive).filter((name) => !name.startsWith(".")) : [];
}

const WIDE = T1.replace("number_of_neurons: 4", "number_of_neurons: 20000"); // 6 MB to keep
const PICTURE = Array.from({ length: 64 }, (_, at) => at % 3);
const PUT: ClientMessage = { dialect: "W1", name: "picture", values: PICTURE, isLast: false, processType: "train" };
const WANTED: ClientMessage = { ...PUT, name: "label", values: [0, 0, 0, 0, 0, 1, 0, 0, 0, 0], isLast: true };

describe("handshake", () => {
  test.each([
    ["of a cluster in TASK mode", () => cluster, "the cluster is in TASK mode, switch it to DIRECT first"],
    ["of an unknown cluster", () => "00000000-0000-4000-8000-00000000ffff", "There is no cluster"],
    ["of no uuid", () => "mine", "There is no cluster mine."],
  ])("refuses a socket %s, which may try again", async (_, uuid, why) => {
    const { socket, answer } = await shake(hanami.port, { token: anna.token, target: "cluster", uuid: uuid() });
    expect(answer).toEqual({ success: false, error: expect.stringContaining(why) });
    await mode("DIRECT");
    socket.sendText(JSON.stringify({ token: anna.token, target: "cluster", uuid: cluster }));
    const again = JSON.parse((await socket.nextBinary()).toString()) as object;
    expect(again).toEqual({ success: true, uuid: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  });

  test("refuses another user's cluster like an unknown one", async () => {
    await mode("DIRECT");
    const { token } = await hanami.login("bobb");
    const { answer } = await shake(hanami.port, { token, target: "cluster", uuid: cluster });
    expect(answer).toEqual({ success: false, error: `There is no cluster ${cluster}.` });
  });

  test("refuses a second socket, and the first goes on; when it has left, another may come", async () => {
    const first = await direct();
    const second = await shake(hanami.port, { token: anna.token, target: "cluster", uuid: cluster });
    expect(second.answer).toEqual({
      success: false,
      error: "Cannot connect as the cluster has a connection already.",
    });
    expect(await first.ask(PUT)).toHaveLength(10);
    first.socket.sendClose(1000);
    expect(await first.socket.nextClose()).toMatchObject({ code: 1000 });
    expect(await mode("DIRECT")).toBe(409); // it stayed
    await connected();
  });

  test("of two at once, one is taken", async () => {
    await mode("DIRECT");
    const first = { token: anna.token, target: "cluster", uuid: cluster };
    const both = await Promise.all([shake(hanami.port, first), shake(hanami.port, first)]);
    // Both may be let in by the time one is handed over; then the cluster closes the other.
    const ends = both.map(async ({ socket, answer }) => {
      if (!answer.success) return "refused";
      socket.sendBinary(clientMessage({ ...PUT, isLast: true, processType: "request" }));
      const frame = await socket.nextFrame();
      return frame.kind === "close" ? frame.payload.readUInt16BE(0) : frame.kind;
    });
    const how = await Promise.all(ends);
    expect(how.filter((end) => end === "binary")).toHaveLength(1);
    expect(how.every((end) => end === "binary" || end === "refused" || end === 1008)).toBe(true);
  });
});

/** As soon as the cluster has noticed that the one before has left. */
async function connected(uuid = cluster): Promise<ClusterSocket> {
  for (;;) {
    const { socket, answer } = await shake(hanami.port, { token: anna.token, target: "cluster", uuid });
    if (answer.success) return new ClusterSocket(socket);
    socket.destroy();
  }
}
describe("direct mode", () => {
  test.each([
    ["T1, W1", T1, "W1", "picture", "label"],
    ["T3, W2", T3, "W2", "picture_hex", "label_hex"],
  ] as const)("learns one picture in 100 rounds: %s", async (_, template, dialect, name, label) => {
    const socket = await direct(await create(template.replace("number_of_neurons: 64", "number_of_neurons: 784")));
    const random = randomOf("picture");
    const values = Array.from({ length: 784 }, () => (random() < 0.2 ? Math.round(255 * random()) : 0));
    const put: ClientMessage = { dialect, name, values, isLast: false, processType: "train" };
    const wanted: ClientMessage = { ...put, name: label, values: WANTED.values, target: "expected", isLast: true };
    const [ack, end] = dialect === "W1" ? ["180120012a0400000000", "10"] : ["18012801320400000000", "10"];
    for (let round = 0; round < 100; round++) {
      expect((await socket.say(put)).toString("hex")).toBe(ack);
      expect((await socket.say(wanted)).toString("hex")).toBe(`${end}01${ack}`);
    }
    const output = await socket.ask(put);
    expect(output).toHaveLength(10);
    expect(winner(output)).toBe(5);
    socket.socket.sendClose(1000);
    expect(await socket.socket.nextClose()).toMatchObject({ code: 1000 });
  });

  test("a ping is answered between messages", async () => {
    const { socket } = await direct();
    socket.sendPing("still there?");
    socket.sendBinary(clientMessage(PUT));
    const frames = [await socket.nextFrame(), await socket.nextFrame()];
    expect(frames.map(({ kind }) => kind).sort()).toEqual(["binary", "pong"]);
    expect(frames.find(({ kind }) => kind === "pong")?.payload.toString()).toBe("still there?");
  });

  test.each([
    ["bytes that are no message", Uint8Array.of(0x0f), "it is no ClusterIO_Message"],
    ["an unknown name", clientMessage({ ...PUT, name: "nobody" }), 'there is no output "nobody"'],
    ["a vector too short", clientMessage({ ...PUT, values: [1] }), 'input "picture" has 64 values, not 1'],
    [
      "a value that is no number",
      clientMessage({ ...PUT, values: PICTURE.map(() => Number.NaN) }),
      'a value for input "picture" is no finite number',
    ],
  ])("closes with 1008 and a reason for %s; the next connection is as good as ever", async (_, bytes, reason) => {
    const socket = await direct();
    expect(await socket.offend(bytes)).toEqual({ code: 1008, reason });
    expect(await (await connected()).ask(PUT)).toHaveLength(10);
  });

  test("back in TASK mode the socket is closed with 1000", async () => {
    const { socket } = await direct();
    expect(await mode("TASK")).toBe(200);
    expect(await socket.nextClose()).toEqual({ code: 1000, reason: "the cluster is in TASK mode" });
  });

  test("a deleted cluster closes its socket with 1001", async () => {
    const { socket } = await direct();
    expect((await anna.delete(`/v1/cluster?uuid=${cluster}`)).status).toBe(200);
    expect(await socket.nextClose()).toEqual({ code: 1001, reason: "the cluster was deleted" });
  });

  test("a cluster that is deleted while its socket trains leaves no file", async () => {
    const socket = await direct(await create(WIDE));
    await socket.say(PUT);
    await socket.say(WANTED);
    expect((await anna.delete(`/v1/cluster?uuid=${made.at(-1)}`)).status).toBe(200);
    // What was being written has ended by now: another cluster's file is written behind it, and is alone there.
    const other = await direct();
    await other.say(PUT);
    await other.say(WANTED);
    await mode("TASK");
    await until(() => filesOf(hanami).includes(cluster));
    expect(filesOf(hanami)).toEqual([cluster]);
  });

  test("a socket that is cut leaves the mode, and what was learnt", async () => {
    const socket = await direct();
    for (let round = 0; round < 50; round++) {
      await socket.say(PUT);
      await socket.say(WANTED);
    }
    const before = await socket.ask(PUT);
    socket.socket.sendBinary(clientMessage(PUT).subarray(0, 20)); // and gone, in the middle of things
    socket.socket.destroy();
    expect(await mode("DIRECT")).toBe(409);
    expect(await (await connected()).ask(PUT)).toEqual(before);
  });

  test("a killed process begins anew in TASK mode, with what earlier connections taught it", async () => {
    const socket = await direct();
    for (let round = 0; round < 50; round++) {
      await socket.say(PUT);
      await socket.say(WANTED);
    }
    const before = await socket.ask(PUT);
    socket.socket.sendClose(1000);
    await socket.socket.nextClose();
    await settled();
    const next = await connected();
    const process = hanami.node.kernel.registry.get(ProcessId.parse(`cluster-${cluster}:hanami:sys`));
    process?.restartAfterHand();
    process?.restartNow();
    expect(await next.socket.nextClose()).toEqual({
      code: 1008,
      reason: "the cluster is in TASK mode, switch it to DIRECT first",
    });
    expect(await (await direct()).ask(PUT)).toEqual(before);
  });
});

/** What the cluster writes when a connection ends is on the disk: a save that comes later is over. */
async function settled(): Promise<void> {
  await mode("TASK");
  const { body } = await anna.post("/v1/cluster/save", { name: "kept", cluster_uuid: cluster });
  const { uuid } = body as { readonly uuid: string };
  await finished(anna, cluster, uuid);
  await anna.delete(`/v1/checkpoint?uuid=${uuid}`);
  await mode("DIRECT");
}

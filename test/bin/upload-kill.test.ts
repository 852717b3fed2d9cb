/** A node that is killed while Hanami takes an upload: what was answered is there, and the upload goes on. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { readFileUploadResponse, writeFileUpload } from "../../processes/hanami/protobuf/upload.ts";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, type RunningNode, startNode, temporaryFolder } from "../support/jackfield.ts";
import { destroyAll, RawSocket } from "../support/sockets.ts";

const HANAMI = "hanami:hanami:sys";
const KILLS = 3;
const CHUNK = 131_072; // bytes
const CHUNKS = 24;
const ANSWERED = 5; // chunks between two kills
const IN_FLIGHT = 16; // when it is killed

afterEach(async () => {
  destroyAll();
  await endJackfields();
});

const chunk = (n: number): Buffer => Buffer.alloc(CHUNK, `${n} `);

async function rest(node: RunningNode, method: string, path: string, token: string, body?: object): Promise<unknown> {
  const answer = await askHttp(node.port, {
    method,
    path: `/${HANAMI}/v1/${path}`,
    headers: token === "" ? {} : { "x-auth-token": token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body}`);
  return JSON.parse(String(answer.body));
}

async function logIn(node: RunningNode): Promise<string> {
  const body = { id: "anna", password: "correct horse" };
  return ((await rest(node, "POST", "token", "", body)) as { readonly token: string }).token;
}

async function connect(node: RunningNode, token: string, uuid: string): Promise<RawSocket> {
  const socket = await RawSocket.connect(node.port);
  await socket.upgrade({ path: `/${HANAMI}/` });
  socket.sendText(JSON.stringify({ token, target: "file_upload", uuid }));
  expect(JSON.parse((await socket.nextBinary()).toString())).toMatchObject({ success: true });
  return socket;
}

async function answered(socket: RawSocket): Promise<void> {
  expect(readFileUploadResponse(await socket.nextBinary())).toEqual({ success: true, errorMessage: "" });
}

test("chunks that were answered outlive kill -9, however often, and are not sent again", async () => {
  const data = temporaryFolder();
  const settings = join(temporaryFolder(), "hanami.json");
  writeFileSync(settings, JSON.stringify({ users: [{ id: "anna", password: "correct horse" }] }));
  const start = (): Promise<RunningNode> =>
    startNode({ args: ["--data", data, "--hanami", "0", "--settings", `${HANAMI}=${settings}`] });
  let node = await start();
  let token = await logIn(node);
  const made = await rest(node, "POST", "csv/dataset", token, { name: "letters", input_data_size: CHUNKS * CHUNK });
  const { uuid, uuid_input_file: part } = made as { readonly uuid: string; readonly uuid_input_file: string };
  let next = 0; // each chunk that was answered is not sent again
  for (let kill = 0; kill < KILLS; kill++) {
    const socket = await connect(node, token, part);
    const last = Math.min(CHUNKS - 1, next + ANSWERED + IN_FLIGHT);
    for (let n = next; n < last; n++) socket.sendBinary(writeFileUpload({ position: n * CHUNK, data: chunk(n) }));
    for (let n = 0; n < ANSWERED; n++, next++) await answered(socket);
    node.command.kill("SIGKILL"); // with the others on their way
    await node.command.ended;
    socket.destroy();
    node = await start();
    token = await logIn(node);
    expect(await rest(node, "GET", `dataset/progress?uuid=${uuid}`, token)).toMatchObject({ complete: false });
  }
  const socket = await connect(node, token, part);
  for (; next < CHUNKS; next++) {
    socket.sendBinary(writeFileUpload({ position: next * CHUNK, data: chunk(next) }));
    await answered(socket);
  }
  expect(await rest(node, "GET", `dataset/progress?uuid=${uuid}`, token)).toMatchObject({ complete: true });
  const file = readFileSync(join(data, "localhost/vfs/hanami@sys/uploads", part));
  for (let n = 0; n < CHUNKS; n++)
    expect(file.subarray(n * CHUNK, (n + 1) * CHUNK).equals(chunk(n)) ? "as it was sent" : `chunk ${n} differs`).toBe(
      "as it was sent",
    );
  await node.stop();
});

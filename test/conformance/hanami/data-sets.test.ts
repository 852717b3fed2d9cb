/**
 * The life of data sets, by clients written from contract hanami: in Python as the SDK does it, for each generation, and
 * in TypeScript through kill -9 of the node.
 */
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "@jest/globals";
import { endJackfields, freePort, type RunningNode, startNode, temporaryFolder } from "../../support/jackfield.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

const PYTHON = "/usr/bin/python3"; // Debian's own: its packages are for that one alone
const CLIENT = fileURLToPath(new URL("client.py", import.meta.url));
const USER = { id: "test_user", password: "correct horse" };
const LONG = 60_000; // ms: a node of its own, on a busy machine

afterEach(async () => {
  destroyAll();
  await endJackfields();
});

/** A node with Hanami on a port of its own, as built. @param folder its data; left out: in memory */
async function start(port: number, folder?: string): Promise<RunningNode> {
  const settings = join(temporaryFolder(), "hanami.json");
  writeFileSync(settings, JSON.stringify({ users: [USER] }));
  const data = folder === undefined ? ["--memory"] : ["--data", folder];
  const given = ["--hanami", String(port), "--settings", `hanami:hanami:sys=${settings}`];
  return await startNode({ args: [...data, "--password", "correct horse", ...given] });
}

test("Debian's Python is there, with what the client needs", () => {
  const { status, stderr } = spawnSync(PYTHON, ["-c", "import requests, websockets, google.protobuf"]);
  expect([status, String(stderr)]).toEqual([0, ""]); // apt-get install python3-requests python3-websockets python3-protobuf
});

describe("in Python", () => {
  const FIRST = ["uuid", "project_id", "owner_id", "visibility", "name", "type"];
  const LATER = ["created_at", "uuid", "project_id", "owner_id", "visibility", "name"];
  const uploaded = { complete: [false, true], early: 400, again: 404, late: false, finalized: true };

  test(
    "every generation uploads, finalizes, reads and deletes its data sets",
    async () => {
      const port = await freePort();
      await start(port);
      for (const generation of ["G1", "S", "G2", "G3a", "G3"]) {
        const args = [CLIENT, `http://127.0.0.1:${port}`, generation, USER.id, USER.password];
        const seen = JSON.parse(await output(PYTHON, args)) as Record<string, unknown>;
        const label = [[0, 1, 0, 0, 0, 0, 0, 0, 0, 0]]; // of picture 381
        expect({ generation, ...seen }).toMatchObject({
          generation,
          wrong: 401,
          login: ["id", "is_admin", "name", "token"],
          mnist: uploaded,
          csv: uploaded,
          header: generation === "G1" ? FIRST : LATER,
          listed: true,
          digits: { inputs: 784, outputs: 10, lines: 382, number_of_rows: 382, number_of_columns: 794 },
          numbers: { lines: 2, number_of_rows: 2, number_of_columns: 2 },
          ...(generation.startsWith("G3") ? { content: label } : {}),
          malformed: 400,
          deleted: [200, 404],
          foreign: { success: false },
          unauthorized: 401,
          refused: false,
        });
      }
    },
    LONG,
  );
});

describe("in TypeScript", () => {
  test(
    "a killed node: the token, the part and the data set are there after it, and the upload goes on",
    async () => {
      const port = await freePort();
      const folder = temporaryFolder();
      const first = await start(port, folder);
      const call = async (
        method: string,
        path: string,
        body?: object,
        token = "",
      ): Promise<Record<string, unknown>> => {
        const answer = await fetch(`http://127.0.0.1:${port}/v1/${path}`, {
          method,
          headers: { "X-Auth-Token": token },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        expect([path, answer.status]).toEqual([path, 200]);
        return (await answer.json()) as Record<string, unknown>;
      };
      const rows = Array.from({ length: 40_000 }, (_, row) => `${row},${row / 2}\n`);
      const bytes = Buffer.from(`a,b\n${rows.join("")}`);
      const token = String((await call("POST", "token", USER)).token);
      const made = await call("POST", "csv/dataset", { name: "test", input_data_size: bytes.length }, token);
      const { uuid, uuid_input_file: part } = made as { uuid: string; uuid_input_file: string };
      const chunks = Math.ceil(bytes.length / CHUNK);
      expect(chunks).toBeGreaterThan(3);
      await send(port, token, part, bytes, { from: 0, to: 2 });

      first.command.kill("SIGKILL");
      await first.command.ended;
      const second = await start(port, folder);
      expect(await call("GET", `dataset/progress?uuid=${uuid}`, undefined, token)).toMatchObject({
        complete: false,
        parts: [{ uuid: part, size: bytes.length, received: 2 * CHUNK }],
      });
      await send(port, token, part, bytes, { from: 2, to: chunks });
      await call("PUT", "csv/dataset", { uuid, uuid_input_file: part }, token);

      second.command.kill("SIGKILL");
      await second.command.ended;
      await start(port, folder);
      expect(await call("GET", `dataset?uuid=${uuid}`, undefined, token)).toMatchObject({ number_of_rows: 40_000 });
      const content = `dataset/content?uuid=${uuid}&column_name=b&row_offset=39998&number_of_rows=9`;
      expect(await call("GET", content, undefined, token)).toEqual({ data: [[19_999], [19_999.5]] });
    },
    LONG,
  );
});

const CHUNK = 131_072; // bytes

/** Chunks `from` up to `to`, each after the answer to the one before; the socket is cut. */
async function send(
  port: number,
  token: string,
  part: string,
  bytes: Buffer,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const socket = await RawSocket.connect(port);
  await socket.upgrade({ path: "/" });
  socket.sendText(JSON.stringify({ uuid: part, target: "file_upload", token }));
  expect(JSON.parse((await socket.nextBinary()).toString())).toMatchObject({ success: true });
  for (let index = from; index < to; index++) {
    const data = bytes.subarray(index * CHUNK, (index + 1) * CHUNK);
    const position = index === 0 ? [] : [0x08, ...varint(index * CHUNK)]; // proto3 leaves a zero out
    socket.sendBinary(Buffer.concat([Buffer.from([...position, 0x12, ...varint(data.length)]), data]));
    expect((await socket.nextBinary()).toString("hex")).toBe("0801");
  }
  socket.destroy();
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}

/** What a program prints. @throws {Error} it fails: what it says */
function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args);
    let [printed, said] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(printed) : reject(new Error(said))));
  });
}

/** `jackfield send`: the built command, against a node that the built command started. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { send, shown } from "../../bin/send.ts";
import { askHttp, cookieSet } from "../support/http-client.ts";
import {
  type Ended,
  endJackfields,
  freePort,
  Jackfield,
  manifest,
  type RunningNode,
  startNode,
  temporaryFolder,
  writePackage,
} from "../support/jackfield.ts";
import { pair } from "../support/tls.ts";

const HELLO = "hello:my-app:me.os";

/** Answers with what it was sent; its blob comes back to front. `"silence"` is not answered. */
const PROGRAM = `
import { defineProcess } from "jackfield/process";
export default defineProcess({
  onRequest(_, { body, blob }, ctx) {
    if (!ctx.asked) ctx.log("told " + JSON.stringify(body));
    else if (body === "text") ctx.respond("as it is");
    else if (body !== "silence")
      ctx.respond({ heard: body }, blob === null ? {} : { blob: { mime: blob.mime, bytes: blob.bytes().slice().reverse() } });
  },
});`;

const pack = (): string => writePackage({ "manifest.json": manifest(), "hello.js": PROGRAM });

function run(node: RunningNode, ...args: readonly string[]): Promise<Ended> {
  return new Jackfield({ args: ["send", "--node-url", node.url, ...args] }).ended;
}

describe("with a node that runs", () => {
  let node: RunningNode;
  beforeAll(async () => {
    node = await startNode({ args: ["--memory", "--password", "correct horse", "--package", pack()] });
  });
  afterAll(endJackfields);

  test("prints the answer's body, and nothing else", async () => {
    expect(await run(node, HELLO, '{"n":1}')).toEqual({
      code: 0,
      signal: null,
      stdout: '{"heard":{"n":1}}\n',
      stderr: "",
    });
    expect(await run(node, `localhost@${HELLO}`, '"text"')).toMatchObject({ code: 0, stdout: "as it is\n" });
  });

  test("reaches the kernel", async () => {
    const { stdout } = await run(node, "kernel:distro:sys", '{"Debug":"ProcessMap"}');
    expect(JSON.parse(stdout)).toHaveProperty(["Debug", "ProcessMap", HELLO]);
  });

  test("sends a file along, and keeps the blob that comes back in another, or prints it", async () => {
    const folder = temporaryFolder();
    const [file, kept] = [join(folder, "in"), join(folder, "out")];
    writeFileSync(file, Buffer.from([1, 2, 0xff]));
    const blob = ["--blob", file, "--mime", "x/y"];
    const told = await run(node, HELLO, "1", ...blob);
    expect(told).toMatchObject({
      stdout: '{"heard":1}\n',
      stderr: "the answer has a blob of 3 bytes (x/y): keep it with --save\n",
    });
    expect(await run(node, HELLO, "1", ...blob, "--save", kept)).toMatchObject({ stdout: '{"heard":1}\n', stderr: "" });
    expect([...readFileSync(kept)]).toEqual([0xff, 2, 1]);
    writeFileSync(file, "text");
    expect(await run(node, HELLO, "1", "--blob", file, "--save", "-")).toMatchObject({ stdout: "txet", stderr: "" });
    expect(await run(node, HELLO, "1", "--save", kept)).toMatchObject({ code: 0, stderr: "the answer has no blob\n" });
    expect(await run(node, HELLO, "1", "--blob", file, "--save", folder)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Cannot save the answer's blob in ".*" as it must be writable: EISDIR/),
    });
  });

  test("with --expect 0 wants no answer: prints nothing, once it was sent", async () => {
    expect(await run(node, HELLO, '{"n":2}', "--expect", "0")).toMatchObject({ code: 0, stdout: "", stderr: "" });
    await node.command.printed(/hello:my-app:me\.os: told \{"n":2\}\n/);
  });

  test.each([
    [
      [HELLO, '"silence"', "--expect", "0.05"],
      `Cannot get an answer from "localhost@${HELLO}" as it did not answer in time: raise expectsResponse, or look whether it is stuck. Wait longer with --expect, or for nothing with --expect 0`,
    ],
    [
      ["nobody:my-app:me.os", "1"],
      `Cannot get an answer from "localhost@nobody:my-app:me.os" as no process has that address, or it exited: check the name with the kernel's Debug query`,
    ],
    [
      [`bob.os@${HELLO}`, "1"],
      `Cannot get an answer from "bob.os@${HELLO}" as no process has that address, or it exited: check the name with the kernel's Debug query`,
    ],
  ])("ends with 3 when no answer comes: %j", async (args, words) => {
    expect(await run(node, ...args)).toMatchObject({ code: 3, stdout: "", stderr: `${words}\n` });
  });

  test("ends with 1 when the node refuses", async () => {
    expect(await run(node, HELLO, "1", "--token", "no.such.token")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: `Cannot send to "${HELLO}" as the node refuses (403): the token is not valid here, or has ended: log in again\n`,
    });
  });
});

describe("finds its node", () => {
  afterEach(endJackfields);

  test("by the port of the environment, or of a config file where it is run", async () => {
    const port = await freePort();
    await startNode({ args: ["--memory", "--package", pack(), "--port", String(port)] });
    const byEnv = new Jackfield({ args: ["send", HELLO, "1"], env: { JACKFIELD_PORT: String(port) } });
    expect(await byEnv.ended).toMatchObject({ code: 0, stdout: '{"heard":1}\n' });
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "jackfield.config.json"), JSON.stringify({ port }));
    expect(await new Jackfield({ args: ["send", HELLO, "2"], cwd }).ended).toMatchObject({ stdout: '{"heard":2}\n' });
  });

  test("by https where the configuration has a certificate, whatever name that is for", async () => {
    const { cert, key } = pair("one"); // signed by nobody that this machine knows
    const cwd = temporaryFolder();
    const port = await freePort();
    writeFileSync(join(cwd, "jackfield.config.json"), JSON.stringify({ port, "tls-cert": cert, "tls-key": key }));
    await startNode({ cwd, args: ["--memory", "--package", pack(), "--port", String(port)] });
    const heard = { code: 0, stdout: '{"heard":1}\n', stderr: "" };
    expect(await new Jackfield({ args: ["send", HELLO, "1"], cwd }).ended).toMatchObject(heard);
    for (const host of ["localhost", "127.0.0.1"]) {
      const args = ["send", HELLO, "1", "--node-url", `https://${host}:${port}`];
      expect(await new Jackfield({ args }).ended).toMatchObject(heard);
    }
    const token = ["--token", "no.such.token"];
    expect(await new Jackfield({ args: ["send", HELLO, "1", ...token], cwd }).ended).toMatchObject({
      code: 1,
      stderr: `Cannot send to "${HELLO}" as the node refuses (403): the token is not valid here, or has ended: log in again\n`,
    });
  });

  test("or says where it looked, and ends with 1", async () => {
    const port = await freePort();
    const { code, stderr } = await new Jackfield({ args: ["send", HELLO, "1"], env: { JACKFIELD_PORT: String(port) } })
      .ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `^Cannot send as no node answers at http://localhost:${port}: start it with jackfield start, or say where it is with --node-url \\(`,
      ),
    );
  });

  test("a node started with --no-local-rpc wants a token, of a login", async () => {
    const node = await startNode({
      args: ["--memory", "--password", "correct horse", "--package", pack(), "--no-local-rpc"],
    });
    expect(await run(node, HELLO, "1")).toMatchObject({
      code: 1,
      stderr: `Cannot send to "${HELLO}" as the node refuses (403): send a session token, as a cookie or as authorization: Bearer\n`,
    });
    const body = JSON.stringify({ password: "correct horse" });
    const token = cookieSet(
      await askHttp(node.port, { method: "POST", path: "/login", body }),
      "jackfield-auth_localhost",
    );
    expect(await run(node, HELLO, "1", "--token", token)).toMatchObject({ code: 0, stdout: '{"heard":1}\n' });
    const env = { JACKFIELD_TOKEN: token };
    const byEnv = new Jackfield({ args: ["send", "--node-url", node.url, HELLO, "2"], env });
    expect(await byEnv.ended).toMatchObject({ code: 0, stdout: '{"heard":2}\n' });
  });
});

describe("what is not understood ends with 2", () => {
  afterEach(endJackfields);

  test.each([
    [[], "Cannot send as it must be jackfield send ADDRESS JSON: got 0 arguments, put quotes around the JSON"],
    [
      [HELLO, '{"a":', "1}"],
      "Cannot send as it must be jackfield send ADDRESS JSON: got 3 arguments, put quotes around the JSON",
    ],
    [["hello", "1"], /^Cannot read process id "hello" as .*: for example chat:chat:template\.os$/],
    [["a@b@c:d:e", "1"], /^Cannot read address "a@b@c:d:e" as .*: for example chat:chat:template\.os$/],
    [[HELLO, "hello"], /^Cannot send "hello" as it must be JSON: .*; a text needs its own quotes, '"hello"'$/],
    [
      [HELLO, "1", "--expect", "301"],
      'Cannot use --expect as it must be 0 to 300 seconds: got "301", leave it out for 5',
    ],
    [[HELLO, "1", "--expect", ""], 'Cannot use --expect as it must be 0 to 300 seconds: got "", leave it out for 5'],
    [
      [HELLO, "1", "--node-url", "localhost:8080"],
      'Cannot use --node-url as it must be http://… or https://…: got "localhost:8080", leave it out for http://localhost:8080',
    ],
    [
      [HELLO, "1", "--blob", "/no/such/file"],
      /^Cannot use --blob "\/no\/such\/file" as it must be a file that can be read: ENOENT/,
    ],
    [
      [HELLO, "1", "--wait", "5"],
      /^Cannot send as the command line is not understood: Unknown option '--wait'.*See jackfield --help$/,
    ],
  ])("send %j", async (args, words) => {
    const { code, stdout, stderr } = await new Jackfield({ args: ["send", ...args] }).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    if (typeof words === "string") expect(stderr).toBe(`${words}\n`);
    else expect(stderr.trimEnd()).toMatch(words);
  });
});

test("for a person JSON is laid out; a text stays as it is", async () => {
  const node = await startNode({ args: ["--memory", "--package", pack()] });
  try {
    const printed: (string | Uint8Array)[] = [];
    const output = {
      isTerminal: true,
      print: (data: string | Uint8Array) => void printed.push(data),
      warn: () => undefined,
    };
    for (const json of ["1", '"text"']) await send(["--node-url", node.url, HELLO, json], {}, output);
    expect(printed).toEqual(['{\n  "heard": 1\n}\n', "as it is\n"]);
  } finally {
    await endJackfields();
  }
});

test("what a process answers cannot drive the operator's terminal", () => {
  expect(shown("red \u001b[31m\u009b1m\tdone\n", true)).toBe("red \\u001b[31m\\u009b1m\tdone\n");
  expect(shown('{"a":"\u009b"}', true)).toBe('{\n  "a": "\\u009b"\n}');
  expect(shown("\u001b[31m", false)).toBe("\u001b[31m");
});

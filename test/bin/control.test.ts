/** ps, tree, caps, kill and the others: the built command, against a node that the built command started. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import * as views from "../../bin/control-views.ts";
import { cut, duration, type Terminal, table, terminalOf } from "../../bin/terminal.ts";
import {
  type Ended,
  endJackfields,
  freePort,
  Jackfield,
  manifest,
  type RunningNode,
  startNode,
  writePackage,
} from "../support/jackfield.ts";

const HELLO = "hello:my-app:me.os";

/** `"crash"` crashes it; to `"run"` it answers which of its incarnations that is. */
const PROGRAM = `
import { defineProcess } from "jackfield/process";
export default defineProcess({
  async init(ctx) {
    const runs = ((await ctx.getState()) ?? 0) + 1;
    await ctx.setState(runs);
    return runs;
  },
  onRequest(runs, { body }, ctx) {
    if (body === "crash") throw new Error("crashed \\u001b[31mas asked");
    if (body.log !== undefined) ctx.log(body.log);
    if (ctx.asked) ctx.respond(runs);
  },
});`;

const PLAIN: Terminal = { isTerminal: false, hasColours: false, width: undefined };
const NARROW: Terminal = { isTerminal: true, hasColours: false, width: 60 };

describe("with a node that runs", () => {
  let node: RunningNode;
  beforeAll(async () => {
    const folder = writePackage({ "manifest.json": manifest(), "hello.js": PROGRAM });
    node = await startNode({ args: ["--memory", "--password", "correct horse", "--package", folder] });
  });
  afterAll(endJackfields);

  const run = (...args: readonly string[]): Promise<Ended> =>
    new Jackfield({ args: [...args, "--node-url", node.url] }).ended;

  test("ps is a table of the processes, without colours for a program", async () => {
    const { code, stdout, stderr } = await run("ps");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [head, ...rows] = stdout.trimEnd().split("\n");
    expect(head).toMatch(/^PROCESS +STATE +PLACEMENT +RUN +WAITING +RESTARTS +UP$/);
    expect(rows.find((row) => row.startsWith(`${HELLO} `))).toMatch(/^\S+ +running +\S+ +1 +0\/\S+ +/);
    expect(stdout).not.toContain("\u001b");
  });

  test("--json is what the kernel says, in one line", async () => {
    const { stdout } = await run("ps", "--json");
    expect(stdout.trimEnd()).not.toContain("\n");
    expect(JSON.parse(stdout)).toHaveProperty([HELLO, "state"], "running");
    expect(JSON.parse((await run("caps", HELLO, "--json")).stdout)).toMatchObject({
      held: [{ issuer: "localhost@http-server:distro:sys", params: '"messaging"' }],
      granted: [{ to: "http-server:distro:sys", params: '"messaging"' }],
    });
    expect(JSON.parse((await run("crashes", "--json")).stdout)).toEqual([]);
  });

  test("link says that a node alone has none", async () => {
    expect(await run("link")).toMatchObject({ code: 0, stdout: "this node has no link to others\n" });
    expect(await run("link", "--json")).toMatchObject({ code: 0, stdout: "null\n" });
  });

  test("caps lists what a process holds, and what it gave to others", async () => {
    expect(await run("caps", HELLO)).toMatchObject({
      code: 0,
      stdout: [
        "HOLDS, ISSUED BY                  CAPABILITY",
        "localhost@http-server:distro:sys  messaging",
        "",
        "GRANTED TO              CAPABILITY",
        "http-server:distro:sys  messaging",
        "",
      ].join("\n"),
    });
  });

  test("tree shows the kernel's process, and who is below it", async () => {
    const { code, stdout } = await run("tree");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^kernel:distro:sys\n├── state:distro:sys\n/);
    expect(stdout).toContain(`└── ${HELLO}\n`);
  });

  test("restart begins the next incarnation: state stays", async () => {
    const ask = async (): Promise<string> =>
      (await new Jackfield({ args: ["send", "--node-url", node.url, HELLO, '"run"'] }).ended).stdout;
    const before = Number(await ask());
    expect(await run("restart", HELLO)).toMatchObject({ code: 0, stdout: `${HELLO} is restarted\n`, stderr: "" });
    expect(Number(await ask())).toBe(before + 1);
    expect(await run("restart", "state:distro:sys")).toMatchObject({
      code: 1,
      stderr: `Cannot restart "state:distro:sys" as the node refuses: "state:distro:sys" is the node's own: restart the node\n`,
    });
  });

  test("logs has what processes wrote, of one or of all; -f goes on with what comes", async () => {
    const tell = (text: string): Promise<Ended> =>
      new Jackfield({ args: ["send", "--node-url", node.url, HELLO, JSON.stringify({ log: text }), "--expect", "0"] })
        .ended;
    await tell("one \u001b[2J");
    const { stdout } = await run("logs", "--process", HELLO);
    expect(stdout).toMatch(/\n?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}hello:my-app:me\.os {2}one \\u001b\[2J\n/);
    expect((await run("logs", "--process", "homepage:homepage:sys")).stdout).toBe("");
    const following = new Jackfield({ args: ["logs", "-f", "--json", "--node-url", node.url] });
    await following.printed(/"text":"one /);
    await tell("two");
    const [line = ""] = await following.printed(/\{.*"text":"two"\}\n/);
    expect(JSON.parse(line)).toMatchObject({ process: HELLO, kind: "log", text: "two" });
    following.kill("SIGINT");
    await following.ended;
  });

  test("crashes has the message in hand and the stack, and nothing that a terminal would obey", async () => {
    expect(await run("crashes")).toMatchObject({ code: 0, stdout: "none\n" });
    await new Jackfield({ args: ["send", "--node-url", node.url, HELLO, '"crash"', "--expect", "0"] }).ended;
    const { stdout } = await run("crashes");
    expect(stdout).toMatch(
      /\d {2}hello:my-app:me\.os, run \d: restarted\n {2}in hand: request crash from localhost@http-server:distro:sys\n/,
    );
    expect(stdout).toMatch(/\n {2}Error: crashed \\u001b\[31mas asked\n {6}at .*hello\.js:\d+/);
  });

  test("dead-letters has them counted, and the last ones", async () => {
    await new Jackfield({ args: ["send", "--node-url", node.url, "no:body:there", '{"n":1}', "--expect", "0"] }).ended;
    const { code, stdout } = await run("dead-letters");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^(\d+ \w+, )*1 offline/);
    expect(stdout).toMatch(/offline +localhost@http-server:distro:sys +localhost@no:body:there +request \{"n":1\}\n/);
  });

  test.each(["caps", "kill", "restart"])("%s of a process that is not there ends with 1", async (command) => {
    const { code, stdout, stderr } = await run(command, "no:body:there");
    const act = command === "caps" ? "list capabilities of" : command;
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: "",
      stderr: `Cannot ${act} "no:body:there" as there is no such process: jackfield ps lists those that there are\n`,
    });
  });

  test("kill ends a process; the node's own it leaves alone", async () => {
    expect(await run("kill", "http-server:distro:sys")).toMatchObject({
      code: 1,
      stderr: 'Cannot kill "http-server:distro:sys" as the node needs it: stop the node instead\n',
    });
    const killed = await run("kill", "homepage:homepage:sys");
    expect(killed).toMatchObject({ code: 0, stdout: "homepage:homepage:sys is killed\n", stderr: "" });
    expect(JSON.parse((await run("ps", "--json")).stdout)).not.toHaveProperty(["homepage:homepage:sys"]);
  });

  test("a token that is not valid is refused", async () => {
    expect(await run("ps", "--token", "no.such.token")).toMatchObject({
      code: 1,
      stderr:
        "Cannot list processes as the node refuses (403): the token is not valid here, or has ended: log in again\n",
    });
  });
});

describe("what goes wrong", () => {
  afterEach(endJackfields);

  test("no node: 1, with the way to one", async () => {
    const url = `http://localhost:${await freePort()}`;
    const { code, stderr } = await new Jackfield({ args: ["ps", "--node-url", url] }).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^Cannot list processes as no node answers at ${url}: start it with jackfield start, or say where`),
    );
  });

  test("a node that takes no call without a token: 1, with the way in", async () => {
    const node = await startNode({ args: ["--memory", "--no-local-rpc"] });
    expect(await new Jackfield({ args: ["tree", "--node-url", node.url] }).ended).toMatchObject({
      code: 1,
      stderr:
        "Cannot list processes as the node refuses (403): send a session token, as a cookie or as authorization: Bearer\n",
    });
  });

  test.each([
    [["kill"], "Cannot kill as it must be jackfield kill PROCESS: got 0 arguments\n"],
    [["ps", "all"], "Cannot list processes as it must be jackfield ps: got 1 arguments\n"],
    [["caps", "hello"], /^Cannot read process id "hello" as .*: for example chat:chat:template\.os\n$/],
    [["ps", "-f"], /^Cannot list processes as the command line of jackfield ps is not understood: Unknown option '-f'/],
  ])("%j is not understood: 2", async (args, words) => {
    const { code, stdout, stderr } = await new Jackfield({ args }).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toEqual(typeof words === "string" ? words : expect.stringMatching(words));
  });
});

describe("for a terminal", () => {
  test("there are colours, unless NO_COLOR is set or it is a dumb one", () => {
    const of = (env: Record<string, string>, isTTY = true): boolean => terminalOf({ isTTY }, env).hasColours;
    expect([of({}), of({}, false), of({ NO_COLOR: "1" }), of({ NO_COLOR: "" }), of({ TERM: "dumb" })]).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
    const map = { [HELLO]: { state: "running" } };
    expect(views.processes(map, { ...PLAIN, hasColours: true })).toContain("\u001b[32mrunning");
  });

  test("lines are cut to its width, names first; a program gets all", () => {
    const rows = [["a-process-with-a-long-name:of-a-package:with-a-publisher.os", "running", "x".repeat(30)]];
    const columns = [{ head: "PROCESS" }, { head: "STATE" }, { head: "MORE" }];
    const lines = table(columns, rows, NARROW).trimEnd().split("\n");
    expect(lines[1]).toBe(`a-process-with-a-l…  running  ${"x".repeat(30)}`.slice(0, 60));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(60);
    expect(table(columns, rows, PLAIN)).toContain(`with-a-publisher.os  running  ${"x".repeat(30)}\n`);
    const widthOf = (columns: number): number | undefined => terminalOf({ isTTY: true, columns }, {}).width;
    expect([widthOf(132), widthOf(0), terminalOf({ columns: 132 }, {}).width]).toEqual([132, 80, undefined]);
    expect([cut("abc", 3), cut("abcd", 3)]).toEqual(["abc", "ab…"]);
  });

  test("nothing that a process is called or wrote is obeyed", () => {
    const line = { at: 0, process: HELLO, kind: "log", text: "one\n\u001b[2Jtwo" };
    expect(views.logLine(line, PLAIN)).toMatch(/ hello:my-app:me\.os {2}one\n {2}\\u001b\[2Jtwo\n$/);
  });

  test("a tree shows who started whom, and what does not run", () => {
    const leaf = (process: string, state = "running"): object => ({ process, state, children: [] });
    const root = {
      process: "a:p:k",
      state: "running",
      children: [
        { process: "b:p:k", state: "running", children: [leaf("c:p:k", "backoff")] },
        leaf("d:p:k"),
        { process: "e:p:k", state: "running", children: [leaf("f:p:k")] },
      ],
    };
    expect(views.tree(root, PLAIN)).toBe(
      ["a:p:k", "├── b:p:k", "│   └── c:p:k  backoff", "├── d:p:k", "└── e:p:k", "    └── f:p:k", ""].join("\n"),
    );
  });

  test("times are in two units", () => {
    const ms = [0, 59_999, 60_000, 3_600_000 + 5 * 60_000 + 7000, 90_000_000];
    expect(ms.map(duration)).toEqual(["0 s", "59 s", "1 min", "1 h 5 min", "1 d 1 h"]);
  });
});

test("link is its state, and a table of the nodes", () => {
  const peer = { node: "bob.os", sent: 4, received: 3, requests: 1, waiting: 0, unconfirmed: 70, lost: 2, missed: 1 };
  const facts = { where: "nats://127.0.0.1:4222", state: "waiting", reconnects: 5, peers: [peer] };
  const [head, , names, row] = views.link(facts, PLAIN).split("\n");
  expect(head).toBe("nats://127.0.0.1:4222 is waiting, reconnected 5 times");
  expect(names).toMatch(/^NODE +SENT +RECEIVED +ASKED +WAITING +UNCONFIRMED +LOST +MISSED +EXPIRED +FAULTS$/);
  expect(row).toMatch(/^bob\.os +4 +3 +1 +0 +70 +2 +1 +- +-$/);
  expect(views.link({ ...facts, peers: [] }, PLAIN)).toContain("no other node has been spoken to");
});

test("a node is up since its start, not since its start until its last record", () => {
  const node = { node: "bob.os", started: 1_000, at: 1_000, heard_ms: 9_000, version: "0.1.0", address: null };
  expect(views.nodes([node], PLAIN).split("\n")[1]).toMatch(/^bob\.os +9 s ago +9 s /);
});

test("durable messages are a line, with what holds them up", () => {
  const out = {
    box: "x",
    waiting: 3,
    sent: 7,
    nodes: [{ node: "bob.os", waiting: 3, why: "the stream is full\u001b[2J" }],
  };
  const inbox = { waiting: 2, absent: 1, received: 9, repeated: 4, handled: 6, dropped: 5 };
  expect(views.durable({ why: "no JetStream", out, in: inbox }, PLAIN)).toBe(
    "\ndurable: 7 sent, 3 wait to be; 9 received, 4 of them again, 5 dropped; 6 handled, 2 wait here, 1 for nobody that is there\n" +
      "3 wait for bob.os: the stream is full\\u001b[2J\nno JetStream\n",
  );
});

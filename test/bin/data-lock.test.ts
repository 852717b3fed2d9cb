/** The lock of a data folder: one at a time, whoever starts when, and however the one before ended. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { connect, Server } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { type DataLock, takeLock } from "../../bin/data-lock.ts";
import { endJackfields, freePort, run, startNode, temporaryFolder } from "../support/jackfield.ts";
import { thrownBy } from "../support/kernel.ts";

const STARTERS = 12;
const ROUNDS = 25;

const held: DataLock[] = [];

async function take(folder: string, handOver: number | null = null): Promise<DataLock> {
  const lock = await takeLock({ folder, handOver });
  held.push(lock);
  return lock;
}

afterEach(async () => {
  jest.restoreAllMocks();
  for (const lock of held.splice(0)) await lock.release();
  await endJackfields();
});

describe("takeLock()", () => {
  test("refuses a second one, and says who has it since when", async () => {
    const folder = temporaryFolder();
    const before = Date.now();
    await take(folder);
    const error = (await thrownBy(() => take(folder))) as Error;
    expect(error).toMatchObject({ name: "DataFolderError", code: "data_locked", folder });
    const [, pid, since = ""] =
      /another node has it: process (\d+) since (\S+), stop that one first/.exec(error.message) ?? [];
    expect(error.message).toContain("or give this one another --data or --node");
    expect(Number(pid)).toBe(process.pid);
    expect(Date.parse(since)).toBeGreaterThanOrEqual(before);
    expect(readdirSync(join(folder, "lock"))).toHaveLength(2); // the refused one has left nothing
  });

  test.each([
    ["20.11.0", 0],
    ["24.99.0", 0],
    ["25.0.0", 1],
    ["100.0.0", 1],
  ])("listens under Node.js %s by its documented way %i times, and the lock holds", async (node, times) => {
    const { versions } = process;
    Object.defineProperty(process, "versions", { value: { ...versions, node }, configurable: true });
    const listen = jest.spyOn(Server.prototype, "listen");
    const folder = temporaryFolder();
    try {
      await take(folder);
    } finally {
      Object.defineProperty(process, "versions", { value: versions, configurable: true });
    }
    expect(listen).toHaveBeenCalledTimes(times);
    expect(await thrownBy(() => take(folder))).toMatchObject({ code: "data_locked" });
  });

  test("is free once released, and nothing stays", async () => {
    const folder = temporaryFolder();
    for (let round = 0; round < 3; round++) await (await take(folder)).release();
    expect(readdirSync(join(folder, "lock"))).toEqual([]);
  });

  test(`lets one of ${STARTERS} in that start at once, also over a dead one's remains, ${ROUNDS} times`, async () => {
    const folder = temporaryFolder();
    for (let round = 0; round < ROUNDS; round++) {
      mkdirSync(join(folder, "lock"), { recursive: true });
      if (round % 2 === 0) leaveDead(folder);
      const starters = await Promise.allSettled(Array.from({ length: STARTERS }, () => take(folder)));
      const locks = starters.flatMap((starter) => (starter.status === "fulfilled" ? [starter.value] : []));
      expect(locks).toHaveLength(1);
      for (const starter of starters)
        if (starter.status === "rejected") expect(starter.reason).toMatchObject({ code: "data_locked" });
      await locks[0]?.release();
      expect(readdirSync(join(folder, "lock"))).toEqual([]);
    }
  });

  test("takes over what is torn, empty, or names a socket that is not there", async () => {
    for (const rest of ["", "{", '{"pid":1}', '{"pid":1,"since":"","socket":"none.sock","handOver":null}']) {
      const folder = temporaryFolder();
      mkdirSync(join(folder, "lock"));
      writeFileSync(join(folder, "lock/41.json"), rest);
      const lock = await take(folder);
      expect(readdirSync(join(folder, "lock"))).toHaveLength(2); // its own, the rest is swept
      await lock.release();
    }
  });

  test("holds in a folder whose path is too long for a socket", async () => {
    const folder = join(temporaryFolder(), "a".repeat(100), "b".repeat(100));
    mkdirSync(folder, { recursive: true });
    const lock = await take(folder);
    expect(await thrownBy(() => take(folder))).toMatchObject({ code: "data_locked" });
    await lock.release();
    expect(readdirSync(join(folder, "lock"))).toEqual([]);
    await take(folder);
  });

  test("lets go of who looks at it: a visitor that stays does not hold up the release", async () => {
    const folder = temporaryFolder();
    const lock = await take(folder);
    const [name = ""] = readdirSync(join(folder, "lock")).filter((entry) => entry.endsWith(".sock"));
    const visitor = connect(join(folder, "lock", name));
    await new Promise((resolve) => visitor.once("connect", resolve));
    const gone = new Promise((resolve) => visitor.once("close", resolve));
    await lock.release();
    await gone;
  });
});

describe("a hand-over", () => {
  test("lets one successor of the same port in, and a third not", async () => {
    const folder = temporaryFolder();
    const first = await take(folder, 8080);
    await take(folder, 8080);
    expect(((await thrownBy(() => take(folder, 8080))) as Error).message).toMatch(
      /a hand-over is under way: process \d+ since \S+, and process \d+ since \S+\. Stop the older one first/,
    );
    await first.release();
    await take(folder, 8080); // the successor has it now, and may be succeeded
  });

  test.each([
    ["without a port", null],
    ["with another one", 8081],
  ])("refuses a successor %s, and says with which it would do", async (_, port) => {
    const folder = temporaryFolder();
    await take(folder, 8080);
    expect(((await thrownBy(() => take(folder, port))) as Error).message).toContain(
      ". It would hand over to a node with --reuse-port and its own --port 8080",
    );
  });

  test("is none where the holder does not share its port", async () => {
    const folder = temporaryFolder();
    await take(folder);
    expect(((await thrownBy(() => take(folder, 8080))) as Error).message).not.toContain("hand over");
  });

  test(`lets one of ${STARTERS} successors in that start at once`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const folder = temporaryFolder();
      const first = await take(folder, 8080);
      const starters = await Promise.allSettled(Array.from({ length: STARTERS }, () => take(folder, 8080)));
      expect(starters.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      await first.release();
    }
  });
});

describe("jackfield start on a folder that another has", () => {
  test("ends with 1 and names it, whichever of four that start at once that is", async () => {
    const data = temporaryFolder();
    const starters = Array.from({ length: 4 }, () => run("start", "--port", "0", "--data", data));
    const first = await Promise.any(starters.map((starter) => starter.printed(/Ctrl-C/).then(() => starter)));
    const refused = await Promise.all(starters.filter((starter) => starter !== first).map(({ ended }) => ended));
    for (const { code, stderr, stdout } of refused) {
      expect([code, stdout]).toEqual([1, ""]);
      expect(stderr).toMatch(
        /^Cannot start a node on ".*localhost" as (another node has it: process \d+ since|others start|a hand-over is)/,
      );
    }
    expect(refused).toHaveLength(3);
  });

  test("starts at once when that was killed, however often, and nothing piles up", async () => {
    const data = temporaryFolder();
    for (let round = 0; round < 3; round++) {
      const { command } = await startNode({ args: ["--data", data] });
      command.kill("SIGKILL");
      await command.ended;
    }
    await startNode({ args: ["--data", data] });
    expect(readdirSync(join(data, "localhost/lock"))).toHaveLength(2);
  });

  test("starts beside it with --memory, which takes no lock", async () => {
    const data = temporaryFolder();
    await startNode({ args: ["--data", data] });
    await startNode({ args: ["--data", data, "--memory"] });
  });

  test("starts beside it under the same --reuse-port, and then nobody else", async () => {
    const data = temporaryFolder();
    const args = ["--data", data, "--reuse-port", "--port", String(await freePort())];
    const older = await startNode({ args });
    const newer = await startNode({ args });
    const third = await run("start", ...args).ended;
    expect([third.code, third.stderr]).toEqual([1, expect.stringContaining("a hand-over is under way")]);
    expect((await older.stop()).code).toBe(0);
    const last = await startNode({ args });
    expect((await newer.stop()).code).toBe(0);
    expect((await last.stop()).code).toBe(0);
    expect(readdirSync(join(data, "localhost/lock"))).toEqual([]);
  });
});

/** What a holder leaves that was killed: its file, and its socket's name with nobody behind it. */
function leaveDead(folder: string): void {
  writeFileSync(join(folder, "lock/dead.sock"), "");
  const record = {
    pid: process.pid,
    since: "2026-01-01T00:00:00.000Z",
    socket: "dead.sock",
    handOver: null,
    held: true,
  };
  writeFileSync(join(folder, "lock/dead.json"), JSON.stringify(record));
}

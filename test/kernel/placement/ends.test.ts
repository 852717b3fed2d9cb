/** What an isolated process inherits, what a realm loads, and that none outlives its node. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "@jest/globals";
import { ask } from "../../support/kernel.ts";
import { PROGRAMS } from "../../support/placed.ts";
import { startPlacedStage, stopPlacedStages } from "../../support/placed-stage.ts";

const ID = "naughty:test:sys";
const PATIENCE = 40_000; // ms: a busy machine; usually 0.1 s

const children: ChildProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  await stopPlacedStages();
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function untilDead(pids: readonly number[]): Promise<void> {
  const last = Date.now() + PATIENCE;
  while (pids.some(isAlive)) {
    if (Date.now() > last) throw new Error(`still alive after ${PATIENCE} ms: ${pids.filter(isAlive)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("isolated", () => {
  test("a stopped node leaves no process, also of one that is stuck", async () => {
    const { on, host } = await startPlacedStage("isolated", { drain: 100 });
    const other = "other:test:sys";
    for (const id of [ID, other]) await on.addFile(id, "naughty.mjs", { onExit: "Restart" });
    const asked = await Promise.all([ID, other].map((id) => ask(host, id, "Pid")));
    const pids = asked.map(({ body }) => Number(body));
    expect(pids.every(isAlive)).toBe(true);
    const stuck = ask(host, ID, { Loop: null });
    await Promise.all([expect(stuck).rejects.toThrow(), on.stop()]);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  test("a killed one likewise", async () => {
    const { on, host } = await startPlacedStage("isolated");
    const process = await on.addFile(ID, "naughty.mjs", { onExit: "Restart" });
    const { body } = await ask(host, ID, "Pid");
    process.kill();
    await untilDead([Number(body)]);
  });

  test("SIGKILL of the node ends its processes, those that are stuck too", async () => {
    const folder = mkdtempSync(join(PROGRAMS, ".package-"));
    folders.push(folder);
    const processes = ["idle", "stuck"].map((name) => ({
      process_name: name,
      file: "naughty.mjs",
      public: true,
      placement: "isolated",
    }));
    writeFileSync(join(folder, "manifest.json"), JSON.stringify({ package: "test", publisher: "sys", processes }));
    writeFileSync(join(folder, "naughty.mjs"), 'export { default } from "../naughty.mjs";\n');
    const child = spawn(process.execPath, [join(PROGRAMS, "node-with-children.mjs"), folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const pids = JSON.parse(line) as number[];
    expect(pids).toHaveLength(2);
    expect(pids.every(isAlive)).toBe(true);
    child.kill("SIGKILL");
    await untilDead(pids);
  });

  test("the environment has no secret of the node's", async () => {
    process.env.JACKFIELD_TEST_SECRET = "a secret";
    const { on, host } = await startPlacedStage("isolated");
    await on.addFile(ID, "naughty.mjs");
    const { body } = await ask(host, ID, "Env");
    delete process.env.JACKFIELD_TEST_SECRET;
    const allowed = ["PATH", "HOME", "TZ", "LANG", "NODE_ENV"];
    expect(Object.keys(body as object).filter((name) => !allowed.includes(name))).toEqual([]);
  });

  test("what it prints are log lines of its process", async () => {
    const { on, host } = await startPlacedStage("isolated");
    await on.addFile(ID, "naughty.mjs");
    const lines: string[] = [];
    const printed = new Promise<void>((resolve) => {
      on.node.kernel.events.listen((event) => {
        if (event.type === "log" && event.process === ID && lines.push(event.text) === 2) resolve();
      });
    });
    await ask(host, ID, { Print: "one\ntwo\n" });
    await printed;
    expect(lines).toEqual(["one", "two"]);
  });
});

describe.each(["worker", "isolated"] as const)("%s", (placement) => {
  test("loads no native add-on, no socket library and no store", async () => {
    const { on, host } = await startPlacedStage(placement);
    await on.addFile(ID, "naughty.mjs");
    const { addons, modules } = (await ask(host, ID, "Loaded")).body as { addons: string[]; modules: string[] };
    if (placement === "isolated") expect(addons).toEqual([]); // a thread shares the node's own
    expect(modules.filter((file) => /uws|uWebSockets|lmdb|\/ws\/|xstate/.test(file))).toEqual([]);
  });
});

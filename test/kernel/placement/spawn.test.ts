/** Where a process runs is said by its manifest or by who spawns it; what cannot be is refused with a reason. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Placement, ProcessId } from "../../../lib/protocol/index.ts";
import { ask, silent } from "../../support/kernel.ts";
import { PLACEMENTS, PROGRAMS } from "../../support/placed.ts";
import { startPlacedStage, stopPlacedStages } from "../../support/placed-stage.ts";

const SPAWNER = "spawner:test:sys";
const CHILD = "child:test:sys";

afterEach(stopPlacedStages);

type Where = { readonly pid: number; readonly thread: number };

/** What tells placements apart. */
function placementOf({ pid, thread }: Where): Placement {
  if (pid !== process.pid) return "isolated";
  return thread === 0 ? "inline" : "worker";
}

describe.each(PLACEMENTS)("spawn from %s", (from) => {
  test.each(PLACEMENTS)("to %s", async (placement) => {
    const { on, host } = await startPlacedStage(from);
    await on.addFile(SPAWNER, "spawner.mjs");
    const options = { name: "child", file: "spawner.mjs", placement, public: true };
    expect((await ask(host, SPAWNER, options, { expects: 30 })).body).toBe(CHILD);
    const { body } = await ask(host, CHILD, "Where", { expects: 30 });
    expect(placementOf(body as Where)).toBe(placement);
    const child = on.node.kernel.registry.get(ProcessId.parse(CHILD));
    expect(child?.placement).toBe(placement);
    const place = { inline: null, worker: /^thread \d+$/, isolated: /^pid \d+$/ }[placement as "inline"];
    if (place === null) expect(child?.place).toBeNull();
    else expect(child?.place).toMatch(place);
  });

  test("what goes wrong is told as it is inline", async () => {
    const { on, host } = await startPlacedStage(from);
    await on.addFile(SPAWNER, "spawner.mjs");
    expect((await ask(host, SPAWNER, { name: "child", file: "none.mjs" })).body).toEqual({
      name: "SpawnError",
      code: "NoFileAtPath",
      message: `Cannot start process "${CHILD}" as there is no file "none.mjs" in its package: name one by its path inside the package's folder`,
    });
    expect((await ask(host, SPAWNER, { name: "child", file: "echo.mjs", placement: "elsewhere" })).body).toEqual({
      name: "OptionError",
      code: "invalid_option",
      message: `Cannot place process "${CHILD}" as a placement is "inline", "worker", "isolated" or {"worker":"name"} (a-z 0-9 - _): got "elsewhere", leave it out for inline`,
    });
  });
});

test("a program in memory cannot be placed elsewhere", async () => {
  const { host } = await startPlacedStage("inline");
  await expect(host.spawn({ name: "child", program: silent, placement: "worker" })).rejects.toMatchObject({
    fault: "InvalidProgram",
    message: `Cannot start process "${CHILD}" as a program in memory cannot run in another thread or process (placement "worker"): give the file it is in, or leave the placement out`,
  });
});

test("at most limits.realms threads and processes run; one more crashes in its init", async () => {
  const { on, host, crash } = await startPlacedStage("worker", { realms: 2 });
  const first = await on.addFile(SPAWNER, "spawner.mjs");
  await on.addFile("second:test:sys", "spawner.mjs", { placement: "isolated" });
  const crashed = crash(CHILD);
  await on.addFile(CHILD, "spawner.mjs");
  expect(await crashed).toMatchObject({
    error: `LimitError: Cannot start a thread or operating-system process for "alice.os@${CHILD}" as limits.realms is 2 realms: end some first, or raise it`,
    message: null,
  });
  first.kill();
  await on.addFile(CHILD, "spawner.mjs");
  expect((await ask(host, CHILD, "Where", { expects: 30 })).body).toMatchObject({ pid: process.pid });
});

test("nor can it leave the thread or process its parent runs in", async () => {
  const { on, host } = await startPlacedStage("worker");
  await on.addFile(SPAWNER, "spawner.mjs");
  expect((await ask(host, SPAWNER, "Memory")).body).toEqual({
    name: "SpawnError",
    code: "InvalidProgram",
    message: `Cannot start process "?:test:sys" as its parent runs in another thread or process, which a program in memory cannot leave: give the file it is in`,
  });
});

describe("a manifest", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  /** A package of one process, in a folder below the programs': they find `jackfield/process` upwards of themselves. */
  function folderWith(placement: unknown): string {
    const folder = mkdtempSync(join(PROGRAMS, ".package-"));
    folders.push(folder);
    const entry = { process_name: "child", file: "spawner.mjs", public: true, placement };
    writeFileSync(
      join(folder, "manifest.json"),
      JSON.stringify({ package: "test", publisher: "sys", processes: [entry] }),
    );
    writeFileSync(join(folder, "spawner.mjs"), 'export { default } from "../spawner.mjs";\n');
    return folder;
  }

  test("says where its processes run", async () => {
    const { on, host } = await startPlacedStage("inline");
    await on.node.addPackage(folderWith("isolated"));
    expect(placementOf((await ask(host, CHILD, "Where", { expects: 30 })).body as Where)).toBe("isolated");
  });

  test("that says something else is refused", async () => {
    const { on } = await startPlacedStage("inline");
    await expect(on.node.addPackage(folderWith({ worker: "No Name" }))).rejects.toThrow(
      `"${CHILD}" placement must be "inline", "worker", "isolated" or {"worker":"name"} (a-z 0-9 - _): got {"worker":"No Name"}, leave it out for inline`,
    );
  });
});

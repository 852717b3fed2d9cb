/** The snippets of lib/process/README.md, compiled and run as they stand there. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { isProgram, type Program } from "../../lib/protocol/index.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const README = readFileSync(join(ROOT, "lib/process/README.md"), "utf8");

let folder = "";

beforeEach(() => {
  mkdirSync(join(ROOT, ".jackfield"), { recursive: true }); // inside the repository, where its packages are found; ignored by git
  folder = mkdtempSync(join(ROOT, ".jackfield/readme-"));
  const snippets = [...README.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  for (const text of snippets) {
    const [, name = "snippet.ts"] = /^\/\/ (\S+\.ts)\n/.exec(text) ?? [];
    writeFileSync(join(folder, name), text);
  }
});
afterEach(() => rmSync(folder, { recursive: true }));

const load = async (name: string): Promise<unknown> => await import(pathToFileURL(join(folder, name)).href);

test("the snippets compile", () => {
  const compilerOptions = {
    noEmit: true,
    paths: Object.fromEntries(
      [
        ["jackfield/process", "lib/process/index.ts"],
        ["jackfield/process/harness", "lib/process/harness.ts"],
      ].map(([name, file]) => [name, [join(ROOT, file ?? "")]]),
    ),
  };
  const config = { extends: join(ROOT, "tsconfig.json"), compilerOptions, include: ["*.ts"], exclude: [] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [tsc, "-p", join(folder, "tsconfig.json")], { encoding: "utf8" }); // throws with what it says
});

test("the harness snippet's assertions hold", async () => {
  await load("snippet.ts");
});

test("the pool hears of a worker that is gone, and of one that comes back", async () => {
  const { default: program } = (await load("pool.ts")) as { default: Program };
  const pool = await startProcess(program);
  expect(pool.commands).toEqual(
    ["worker-1", "worker-2"].map((name) => ({ Monitor: { process: `alice.os@${name}:test:template.os` } })),
  );
  await pool.down("worker-1:test:template.os", { restarts: true });
  await pool.down("worker-2:test:template.os", { gaveUp: true });
  expect(pool.logs).toEqual(["worker-2:test:template.os is gone: crash"]);
});

test("the thermometer shows what its heater does, while somebody listens", async () => {
  const { default: program } = (await load("thermometer.ts")) as { default: Program };
  const thermometer = await startProcess(program);
  await thermometer.advance(1000);
  await thermometer.listeners("lab.celsius", 1);
  await thermometer.advance(1000);
  await thermometer.input({ type: "opened", name: "lab.heater" });
  await thermometer.input({ type: "samples", name: "lab.heater", samples: [22, 21] });
  await thermometer.advance(1000);
  expect(thermometer.streams.published.map(({ data }) => data)).toEqual([20, 21]);
});

test("the seeds' echo echoes", async () => {
  const { default: program } = (await load("echo.ts")) as { default: Program };
  expect(isProgram(program)).toBe(true);
  const harness = await startProcess(program);
  const channelId = await harness.open();
  await harness.push(channelId, "hello");
  expect(harness.pushes(channelId)).toEqual(["hello"]);
});

/** A node that is killed while it writes files: what was acknowledged is there, whole, and nothing is left over. */
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { endJackfields, manifest, startNode, temporaryFolder, writePackage } from "../support/jackfield.ts";
import { until } from "../support/until.ts";

const KILLS = 8;
const SLOTS = 3;

/** Writes one file after the other, and a line to `acknowledged` for each that was. A content is its number, many times. */
const WRITER = `
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { defineProcess } from "jackfield/process";

const content = (n) => \`\${n} \`.repeat(20_000);
const pieces = function* (n) {
  for (let i = 0; i < 20; i++) yield \`\${n} \`.repeat(1000);
};

export default defineProcess({
  async init(ctx) {
    const first = Number((await ctx.vfs.drive("pkg").readFile("first")).text());
    const drive = ctx.vfs.drive("d");
    void (async () => {
      for (let n = first; ; n++) {
        const name = \`f\${n % ${SLOTS}}\`;
        if (n % 2 === 0) await drive.writeFile(name, content(n));
        else await drive.writeStream(name, pieces(n));
        appendFileSync(join(ctx.host.folder, "acknowledged"), \`\${name} \${n}\\n\`);
      }
    })();
  },
});
`;

afterEach(endJackfields);

test("files that were acknowledged outlive kill -9, none is torn, and nothing half done is left", async () => {
  const capabilities = ["http-server:distro:sys", "vfs:distro:sys"];
  const process = { process_name: "hello", file: "hello.js", request_capabilities: capabilities };
  const folder = writePackage({ "hello.js": WRITER, "manifest.json": manifest({ processes: [process] }) });
  const data = temporaryFolder();
  const acknowledged = join(folder, "acknowledged");
  const last = new Map<string, number>();
  appendFileSync(acknowledged, "");
  const lines = (): string[] =>
    readFileSync(acknowledged, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  for (let kill = 1; kill <= KILLS; kill++) {
    writeFileSync(join(folder, "first"), String(kill * 1_000_000));
    const before = lines().length;
    const { command } = await startNode({ args: ["--data", data, "--package", folder] });
    await until(() => lines().length >= before + kill * 2 + 1);
    command.kill("SIGKILL");
    await command.ended;
    for (const line of lines()) {
      const [name = "", n = ""] = line.split(" ");
      last.set(name, Number(n));
    }
    const drive = join(data, "localhost/vfs/my-app@me.os/d");
    expect(readdirSync(drive).sort()).toEqual(["f0", "f1", "f2"]);
    for (const name of readdirSync(drive)) {
      const text = readFileSync(join(drive, name), "utf8");
      const n = Number.parseInt(text, 10);
      expect(n).toBeGreaterThanOrEqual(last.get(name) ?? 0);
      expect(text === `${n} `.repeat(20_000)).toBe(true);
    }
  }
  writeFileSync(join(folder, "first"), "99000000");
  const before = lines().length;
  const { stop } = await startNode({ args: ["--data", data, "--package", folder] });
  await until(() => lines().length > before);
  const tmp = join(data, "localhost/vfs/.tmp");
  expect(existsSync(tmp) && readdirSync(tmp).length <= 1).toBe(true); // what is written just now
  await stop();
});

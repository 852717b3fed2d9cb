/** What README shows is run as it stands there: its process, its manifest and its page. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { noDataFolder } from "../../bin/data-folder.ts";
import { systemProcesses } from "../../bin/system-processes.ts";
import { endJackfields, Jackfield, temporaryFolder } from "../support/jackfield.ts";
import { startTestNode, type TestNode } from "../support/node.ts";
import { RawSocket } from "../support/sockets.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const README = readFileSync(join(ROOT, "README.md"), "utf8");

const ASKED = '["http-server:distro:sys", "kv:distro:sys", "sqlite:distro:sys"]';

function block(language: string, index = 0): string {
  const blocks = [...README.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))];
  const text = blocks[index]?.[1];
  if (text === undefined) throw new Error(`README has no ${language} block ${index}`);
  return text;
}

describe("README", () => {
  let folder = "";
  let node: TestNode;

  beforeEach(async () => {
    // Inside the repository, so that "jackfield/process" is found as it is for a package that installed it.
    folder = mkdtempSync(join(ROOT, "test/docs/.readme-"));
    writeFileSync(join(folder, "counter.ts"), block("js")); // jest transforms TypeScript only
    writeFileSync(join(folder, "manifest.json"), block("json"));
    mkdirSync(join(folder, "ui"));
    writeFileSync(join(folder, "ui/index.html"), block("html"));
    node = await startTestNode();
  });

  afterEach(async () => {
    await node.stop();
    rmSync(folder, { recursive: true });
  });

  test("its process and manifest run as a package, and count what is said", async () => {
    await node.node.addPackage(folder);
    const client = await RawSocket.connect(node.port);
    await client.upgrade({ path: "/" });
    client.sendText(JSON.stringify({ auth_token: node.token, target_process: "counter:counter:me.os" }));
    expect(JSON.parse(await client.nextText())).toHaveProperty("channel_id");
    client.sendText("one");
    expect(JSON.parse(await client.nextText())).toEqual({ count: 1, said: "one" });
    client.sendText("two");
    expect(JSON.parse(await client.nextText())).toEqual({ count: 2, said: "two" });
    client.destroy();
  });

  test("its guest book counts, and writes down, who opens its page", async () => {
    for (const process of systemProcesses(noDataFolder())) {
      if (process.id.process !== "state") node.node.addSystemProcess(process); // a test node has it
    }
    const manifest = block("json")
      .replaceAll("counter", "guests")
      .replace(/\["http-server:distro:sys"\]/, ASKED);
    writeFileSync(join(folder, "guests.ts"), block("js", 1));
    writeFileSync(join(folder, "manifest.json"), manifest);
    expect(README).toContain(`"request_capabilities": ${ASKED}`);
    await node.node.addPackage(folder);
    const visit = async (name: string): Promise<unknown> => {
      const url = `${node.url}/guests:guests:me.os/?name=${name}`;
      return await (await fetch(url, { headers: { cookie: node.cookie } })).json();
    };
    expect(await visit("ann")).toEqual({ count: 1, guests: [{ name: "ann" }] });
    expect(await visit("ann")).toEqual({ count: 2, guests: [{ name: "ann" }, { name: "ann" }] });
  });

  test("its page imports only what every node serves", async () => {
    const page = block("html");
    const served = [...page.matchAll(/(?:src="|from ")([^"]+)"/g)].map(([, path = ""]) => path);
    expect(served).toEqual(["/our.js", "/client.js"]);
    for (const path of served) {
      const answer = await fetch(node.url + path);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toMatch(/javascript/);
    }
  });
});

test("README's first package: the command makes it, and the scripts that follow are in it", async () => {
  const steps = [...README.matchAll(/```sh\n(npx jackfield new [\s\S]*?)```/g)].map(([, text = ""]) => text).join("");
  const [, args = ""] = /^npx jackfield (new [^#\n]*?) +#/.exec(steps) ?? [];
  const cwd = temporaryFolder();
  try {
    expect(await new Jackfield({ args: args.split(/ +/), cwd }).ended).toMatchObject({ code: 0, stderr: "" });
    const [, name = ""] = /\ncd (\S+) && npm install\n/.exec(steps) ?? [];
    const { scripts } = JSON.parse(readFileSync(join(cwd, name, "package.json"), "utf8")) as { scripts: object };
    const named = [...steps.matchAll(/\nnpm (?:run )?(\w+) /g)].map(([, script = ""]) => script);
    expect(named).toEqual(["test", "dev"]);
    for (const script of named) expect(scripts).toHaveProperty([script]);
  } finally {
    await endJackfields();
  }
});

/** Packages on disk: a good one, and each way one can be wrong. */

import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { loadPackage } from "../../kernel/package.ts";
import { ProcessId } from "../../lib/protocol/index.ts";
import { ask, started, startKernel, stateOf, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const PROGRAM = `export default {
  start: (host) => ({ handle: (message) => { if (message.rsvp) host.respond({ body: "hi from " + host.our.id.text }) } }),
};`;
const CHAT = { process_name: "chat", file: "chat.mjs" };

let root: string;
let count = 0;

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "jackfield-package-")));
  await writeFile(join(root, "outside.mjs"), PROGRAM);
});
afterAll(() => rm(root, { recursive: true }));

/** A folder with these files; objects are written as JSON. */
async function folderOf(files: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = join(root, `package-${count++}`);
  await mkdir(folder);
  for (const [name, content] of Object.entries(files))
    await writeFile(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
  return folder;
}

/** A good package but for `entry` and `manifest`. */
function chatWith(
  entry: Readonly<Record<string, unknown>>,
  manifest: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const processes = [{ ...CHAT, ...entry }];
  return folderOf({
    "manifest.json": { package: "chat", publisher: "template.os", processes, ...manifest },
    "chat.mjs": PROGRAM,
    "no-program.mjs": "export default { stop() {} };",
    "no-default.mjs": "export const start = () => undefined;",
    "throws.mjs": "throw new Error('at import');",
  });
}

describe("loadPackage()", () => {
  test("reads every process of a good package, with the defaults of what is left out", async () => {
    const folder = await folderOf({
      "manifest.json": {
        package: "chat",
        publisher: "template.os",
        processes: [
          CHAT,
          {
            process_name: "log",
            file: "log.mjs",
            on_exit: { Requests: [{ target: "chat:chat:template.os", body: "bye" }] },
            restart: { max: 3, seconds: 10 },
            public: true,
            placement: "inline",
            dialect: "nectar",
            settings: { level: "info" },
            request_capabilities: ["http-server:distro:sys", { process: "our@vfs:distro:sys", params: { root: true } }],
            grant_capabilities: ["http-server:distro:sys"],
          },
        ],
      },
      "chat.mjs": PROGRAM,
      "log.mjs": PROGRAM,
    });
    const { processes, ...rest } = await loadPackage(folder);
    expect(rest).toEqual({ folder, name: "chat", publisher: "template.os" });
    expect(processes.map(({ program, id, ...entry }) => [id.text, typeof program.start, entry])).toEqual([
      [
        "chat:chat:template.os",
        "function",
        {
          file: "chat.mjs",
          onExit: "None",
          public: false,
          placement: "inline",
          dialect: "kinode",
          requestCapabilities: [],
          grantCapabilities: [],
          settings: {},
        },
      ],
      [
        "log:chat:template.os",
        "function",
        {
          file: "log.mjs",
          onExit: { Requests: [{ target: "our@chat:chat:template.os", body: "bye", metadata: null, blob: null }] },
          restart: { max: 3, seconds: 10 },
          public: true,
          placement: "inline",
          dialect: "nectar",
          requestCapabilities: ["http-server:distro:sys", { process: "our@vfs:distro:sys", params: { root: true } }],
          grantCapabilities: ["http-server:distro:sys"],
          settings: { level: "info" },
        },
      ],
    ]);
  });

  test("takes chat.ts where chat.js is missing", async () => {
    const folder = await chatWith({ file: "chat.js" });
    await writeFile(join(folder, "chat.ts"), PROGRAM);
    expect((await loadPackage(folder)).processes).toHaveLength(1);
  });

  test("follows a link that stays inside", async () => {
    const folder = await chatWith({ file: "link.mjs" });
    await symlink(join(folder, "chat.mjs"), join(folder, "link.mjs"));
    expect((await loadPackage(folder)).processes).toHaveLength(1);
  });
});

/** What a package that cannot be loaded says after "Cannot load package … as". */
async function refusal(folder: string): Promise<string> {
  const thrown = await thrownBy(() => loadPackage(folder));
  expect(thrown).toMatchObject({ name: "PackageError", code: "invalid_package" });
  const { message } = thrown as Error;
  const before = `Cannot load package "${folder}" as `;
  expect(message.startsWith(before)).toBe(true);
  return message.slice(before.length);
}

describe("PackageError", () => {
  test("a folder without a manifest, and one that is not there", async () => {
    const rule = "it has no readable manifest.json";
    expect(await refusal(await folderOf({}))).toBe(rule);
    expect(await refusal(join(root, "nowhere"))).toBe(rule);
  });

  test("a manifest that is no JSON says where", async () => {
    expect(await refusal(await folderOf({ "manifest.json": "{" }))).toMatch(/^manifest\.json is no JSON: .*JSON/);
  });

  test.each([["[]"], ["null"], ['"text"']])("a manifest that is %s", async (text) => {
    expect(await refusal(await folderOf({ "manifest.json": text }))).toBe("manifest.json must be one object");
  });

  test.each([
    ["package", undefined],
    ["package", ""],
    ["publisher", 7],
  ])("%s that is %p", async (field, value) => {
    expect(await refusal(await chatWith({}, { [field]: value }))).toBe(
      `manifest.json "${field}" must be a text: got ${JSON.stringify(value)}`,
    );
  });

  test("distro:sys", async () => {
    expect(await refusal(await chatWith({}, { package: "distro", publisher: "sys" }))).toBe(
      "distro:sys is the node's own: choose another name",
    );
  });

  test.each([[undefined], [[]], [{}]])("processes that are %j", async (processes) => {
    expect(await refusal(await chatWith({}, { processes }))).toBe(
      'manifest.json "processes" must list at least one process',
    );
  });

  test("a process that is no object, by its index", async () => {
    expect(await refusal(await chatWith({}, { processes: [CHAT, "chat"] }))).toBe(
      "manifest.json processes[1] must be an object",
    );
  });

  test.each(["process_name", "file"])("a process without %s", async (field) => {
    expect(await refusal(await chatWith({ [field]: undefined }))).toBe(
      `manifest.json "${field}" must be a text: got undefined`,
    );
  });

  test.each([
    [{ process_name: "Chat" }, {}, "Chat:chat:template.os"],
    [{ process_name: "a:b" }, {}, "a:b:chat:template.os"],
    [{}, { package: "chat room" }, "chat:chat room:template.os"],
    [{}, { publisher: "../x" }, "chat:chat:../x"],
  ])("a name with other letters: %j %j", async (entry, manifest, id) => {
    expect(await refusal(await chatWith(entry, manifest))).toBe(`process "${id}" has other letters than a-z 0-9 - _`);
  });

  const missing = (file: string): string =>
    `process "chat:chat:template.os" does not load: Cannot start process "chat:chat:template.os" as there is no file "${file}" in its package: name one by its path inside the package's folder`;

  test.each(["gone.mjs", "../outside.mjs", ".", "..", "/etc/hostname", "\0"])(
    "a file that is not in the folder: %j",
    async (file) => {
      expect(await refusal(await chatWith({ file }))).toBe(missing(file));
    },
  );

  test("a link out of the folder, of the file or of a folder before it", async () => {
    const folder = await chatWith({ file: "link.mjs" });
    await symlink(join(root, "outside.mjs"), join(folder, "link.mjs"));
    expect(await refusal(folder)).toBe(missing("link.mjs"));
    const other = await chatWith({ file: "up/outside.mjs" });
    await symlink(root, join(other, "up"));
    expect(await refusal(other)).toBe(missing("up/outside.mjs"));
  });

  test.each(["no-program.mjs", "no-default.mjs"])("a file without a process: %s", async (file) => {
    expect(await refusal(await chatWith({ file }))).toBe(
      `process "chat:chat:template.os" does not load: Cannot start process "chat:chat:template.os" as "${file}" has no process as its default export: export default defineProcess({ … })`,
    );
  });

  test("a file that throws when it is imported, with its cause", async () => {
    const thrown = await thrownBy(async () => loadPackage(await chatWith({ file: "throws.mjs" })));
    expect(thrown).toMatchObject({
      message: expect.stringMatching(/process "chat:chat:template\.os" does not load: at import$/),
      cause: expect.objectContaining({ message: "at import" }),
    });
  });

  test.each([[1], [null], [[]]])("settings that are %j", async (settings) => {
    expect(await refusal(await chatWith({ settings }))).toBe(
      `"chat:chat:template.os" settings must be an object: got ${JSON.stringify(settings)}`,
    );
  });

  test.each([["Always"], [{}], [{ Requests: [{ body: 1 }] }], [{ Requests: [{ target: "nobody", body: 1 }] }], [null]])(
    "on_exit %j",
    async (on_exit) => {
      expect(await refusal(await chatWith({ on_exit }))).toBe(
        `"chat:chat:template.os" on_exit must be "None", "Restart" or {"Requests":[{"target","body"}]}: got ${JSON.stringify(on_exit)}`,
      );
    },
  );

  test.each([[{ max: 3 }], [{ max: -1, seconds: 10 }], ["often"], [null]])("a restart that is %j", async (restart) => {
    expect(await refusal(await chatWith({ restart }))).toBe(
      `"chat:chat:template.os" restart must be {"max": 0 to 1000, "seconds": 0.001 to 86400}: got ${JSON.stringify(restart)}, leave it out for 8 in 60 s`,
    );
  });

  test.each([["klingon"], ["Kinode"], [""], [null], [1]])("a dialect that is %j", async (dialect) => {
    expect(await refusal(await chatWith({ dialect }))).toBe(
      `"chat:chat:template.os" dialect must be one of kinode, hyperware, nectar, uqbar: got ${JSON.stringify(dialect)}, leave it out for kinode`,
    );
  });

  test.each([
    ["vfs:distro:sys"],
    [[1]],
    [["vfs"]],
    [[{ process: "vfs:distro:sys" }]],
    [[{ process: "vfs", params: 1 }]],
  ])("capabilities that are %j", async (value) => {
    for (const field of ["request_capabilities", "grant_capabilities"])
      expect(await refusal(await chatWith({ [field]: value }))).toBe(
        `manifest.json "${field}" must list process ids or {"process","params"}: got ${JSON.stringify(value)}`,
      );
  });
});

describe("Node.addPackage()", () => {
  test("runs the processes of a package, which message each other and what they asked for", async () => {
    const kernel = startKernel();
    const asker = new Recorder();
    kernel.add("asker:asker:test", asker.program);
    await kernel.node.addPackage(await chatWith({ grant_capabilities: ["asker:asker:test"] }));
    expect((await ask(asker.host, "chat:chat:template.os", 1)).body).toBe("hi from chat:chat:template.os");
    expect(started(asker.host).capabilities.list()).toHaveLength(1);
  });

  test("refuses a package that is loaded already, and says from where", async () => {
    const kernel = startKernel();
    const first = await chatWith({});
    await kernel.node.addPackage(first);
    const second = await chatWith({});
    expect(await thrownBy(() => kernel.node.addPackage(second))).toMatchObject({
      name: "PackageError",
      message: `Cannot load package "${second}" as package "chat:template.os" is loaded already from "${first}"`,
    });
    expect(stateOf(kernel, "chat:chat:template.os")).toBe("running");
  });

  test("starts all of a package or nothing: a name that is taken leaves the others free", async () => {
    const kernel = startKernel();
    const taken = kernel.node.addProcess(ProcessId.parse("chat:chat:template.os"), {
      start: () => ({ handle: () => undefined }),
    });
    const folder = await chatWith({}, { processes: [{ ...CHAT, process_name: "first" }, CHAT] });
    expect(await thrownBy(() => kernel.node.addPackage(folder))).toMatchObject({
      name: "SpawnError",
      code: "NameTaken",
    });
    expect(kernel.node.kernel.registry.all().map(({ address }) => address.id.text)).toEqual([
      "kernel:distro:sys",
      "chat:chat:template.os",
    ]);
    taken.kill();
    await kernel.node.addPackage(await chatWith({}));
    expect(kernel.node.kernel.registry.get(ProcessId.parse("chat:chat:template.os"))?.incarnation).toBe(1);
  });
});

/** kernel:distro:sys: each command of contract kinode §3.5, well and badly formed. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Address, capability, Envelope, MESSAGING, ON_BEHALF } from "../../lib/protocol/index.ts";
import { A, B, C, type Cast, KERNEL, withA } from "../support/cast.ts";
import { ask, program, settle, silent, started, stateOf, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

const NEW = "new:pack:template.os";
const QUERIES =
  "a query is one of ProcessMap, Process, HasCap, Capabilities, Tree, Routes, Crashes, DeadLetters, Logs, Link, Durable, Nodes, Cluster";
const messagingB = { issuer: `alice.os@${B}`, params: MESSAGING };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "jackfield-kernel-"));
  const processes = [{ process_name: "main", file: "main.mjs" }];
  await writeFile(
    join(folder, "manifest.json"),
    JSON.stringify({ package: "pack", publisher: "template.os", processes }),
  );
  await writeFile(join(folder, "main.mjs"), "export default { start: () => ({ handle() {} }) };");
});
afterAll(() => rm(folder, { recursive: true }));

/** A may command the kernel; B runs. */
function commander(): Cast & { readonly command: (body: unknown) => Promise<unknown> } {
  const cast = withA({ requestCapabilities: [KERNEL] });
  cast.add(B, silent, { onExit: "Restart" });
  return { ...cast, command: async (body) => (await ask(cast.a.host, KERNEL, body)).body };
}

/** Sends a command that is not answered, and waits until it was handled. */
async function order({ a }: Cast, body: unknown): Promise<void> {
  tell(a.host, KERNEL, body);
  await settle();
}

describe("InitializeProcess and RunProcess", () => {
  const initialize = (more: object = {}): object => ({ InitializeProcess: { id: NEW, file: "main.mjs", ...more } });

  test("make a process that keeps its messages until it is run", async () => {
    const kernel = commander();
    await kernel.node.addPackage(folder);
    const body = initialize({
      file: undefined,
      wasm_bytes_handle: "/pack:template.os/pkg/main.mjs",
      wit_version: 1,
      on_exit: "Restart",
      public: true,
      initial_capabilities: [messagingB],
    });
    expect(await kernel.command(body)).toBe("InitializedProcess");
    expect(stateOf(kernel, NEW)).toBe("held");
    tell(kernel.a.host, NEW, "early");
    expect(await kernel.command({ Debug: { Process: NEW } })).toMatchObject({
      Debug: { Process: { state: "held", waiting: 1, capabilities: [messagingB] } },
    });
    expect(await kernel.command({ RunProcess: NEW })).toBe("StartedProcess");
    expect(await kernel.command({ Debug: { Process: NEW } })).toEqual({
      Debug: {
        Process: {
          wasm_bytes_handle: "/pack:template.os/pkg/main.mjs",
          wit_version: 1,
          on_exit: "Restart",
          placement: "inline",
          place: null,
          capabilities: [messagingB],
          public: true,
          state: "running",
          incarnation: 1,
          restarts: 0,
          uptime_ms: 0,
          handled: 1,
          waiting: 0,
          capacity: 4096,
          waited_at_most: 1,
          refused: 0,
          parent: null,
          children: 0,
        },
      },
    });
  });

  test("give its creator the capability to message it, and leave it private unless told", async () => {
    const kernel = commander();
    await kernel.node.addPackage(folder);
    await kernel.command(initialize());
    expect(started(kernel.a.host).capabilities.has(capability(`alice.os@${NEW}`, MESSAGING))).toBe(true);
    expect(await kernel.command({ Debug: { Process: NEW } })).toMatchObject({
      Debug: { Process: { public: false, on_exit: "None", incarnation: 0 } },
    });
  });

  test.each<[string, object]>([
    ["an id that is taken", { id: "main:pack:template.os" }],
    ["an unsafe id", { id: "New:pack:template.os" }],
    ["an id that is none", { id: "new" }],
    ["no id", { id: undefined }],
    ["no file", { file: undefined }],
    ["a file that is not there", { file: "gone.mjs" }],
    ["a file outside the package", { file: "../main.mjs" }],
    ["a package that is not loaded", { id: "new:other:template.os" }],
    ["an on_exit that is none", { on_exit: "Always" }],
    ["a capability that is none", { initial_capabilities: [{ issuer: "nobody", params: "1" }] }],
    ["params without quotes", { initial_capabilities: [{ issuer: `alice.os@${B}`, params: "messaging" }] }],
  ])("answer InitializeProcessError to %s, and make nothing", async (_, more) => {
    const kernel = commander();
    await kernel.node.addPackage(folder);
    const before = kernel.node.kernel.registry.size;
    expect(await kernel.command(initialize(more))).toBe("InitializeProcessError");
    expect(kernel.node.kernel.registry.size).toBe(before);
  });

  test.each([B, "no:such:process"])("answer RunProcessError to %s, which does not wait for it", async (id) => {
    expect(await commander().command({ RunProcess: id })).toBe("RunProcessError");
  });
});

describe("KillProcess", () => {
  test("ends a process for good", async () => {
    const kernel = commander();
    expect(await kernel.command({ KillProcess: B })).toEqual({ KilledProcess: B });
    expect(stateOf(kernel, B)).toBeUndefined();
    expect(kernel.events).toContainEqual({ type: "process-gone", process: B, why: "kill" });
  });

  test.each(["no:such:process", KERNEL])("does not answer for %s, and nothing ends", async (id) => {
    const kernel = commander();
    await order(kernel, { KillProcess: id });
    expect(await kernel.command({ Debug: "Crashes" })).toEqual({ Debug: { Crashes: [] } });
    expect(kernel.events.some(({ type }) => type === "process-gone")).toBe(false);
  });
});

describe("GrantCapabilities and DropCapabilities", () => {
  test("change what a process holds, from the next message on", async () => {
    const kernel = commander();
    const [b, c] = [new Recorder(), new Recorder()];
    kernel.add(C, c.program);
    kernel.add("d:d-package:template.os", b.program);
    const body = { target: "d:d-package:template.os", capabilities: [{ issuer: `alice.os@${C}`, params: MESSAGING }] };
    await order(kernel, { GrantCapabilities: body });
    tell(b.host, C, "granted");
    expect((await c.next()).body).toBe("granted");
    await order(kernel, { DropCapabilities: body });
    tell(b.host, C, "dropped", { expects: 1 });
    expect((await b.next()).error).toBe("Denied");
  });
});

describe("SetOnExit", () => {
  test("applies to the next end", async () => {
    const kernel = commander();
    kernel.add(
      C,
      program(({ body }, host) => void (body === "exit" && host.exit())),
      { public: true, onExit: "Restart" },
    );
    await order(kernel, { SetOnExit: { target: C, on_exit: "None" } });
    tell(kernel.a.host, C, "exit");
    await kernel.advance(1_000);
    expect(stateOf(kernel, C)).toBeUndefined();
  });

  test("takes requests as the contract writes them", async () => {
    const kernel = commander();
    kernel.add(
      C,
      program((_, host) => host.exit()),
      { public: true },
    );
    const bye = { inherit: false, expects_response: null, body: "bye", metadata: null, capabilities: [] };
    await order(kernel, { SetOnExit: { target: C, on_exit: { Requests: [[`our@${A}`, bye, null]] } } });
    tell(kernel.a.host, C, "exit");
    expect(await kernel.a.next()).toMatchObject({ source: `alice.os@${C}`, body: "bye" });
  });
});

describe("Debug", () => {
  test("ProcessMap lists every process", async () => {
    expect(await commander().command({ Debug: "ProcessMap" })).toMatchObject({
      Debug: {
        ProcessMap: {
          [KERNEL]: { on_exit: "Restart", state: "running" },
          [A]: { on_exit: "None", public: true, capabilities: [{ issuer: `alice.os@${KERNEL}`, params: MESSAGING }] },
          [B]: { on_exit: "Restart", public: false, wasm_bytes_handle: "" },
        },
      },
    });
  });

  test("Process of an unknown id is null", async () => {
    expect(await commander().command({ Debug: { Process: "no:such:process" } })).toEqual({ Debug: { Process: null } });
  });

  test.each([
    [A, MESSAGING, true],
    [A, ' "messaging" ', true],
    [B, MESSAGING, false],
    ["no:such:process", MESSAGING, null],
  ])("HasCap on %s of %s is %p", async (on, params, has) => {
    const cap = { issuer: `alice.os@${KERNEL}`, params };
    expect(await commander().command({ Debug: { HasCap: { on, cap } } })).toEqual({ Debug: { HasCap: has } });
  });

  test("DeadLetters counts by reason and shows the last ones", async () => {
    const kernel = commander();
    tell(kernel.a.host, "no:such:process", "lost");
    expect(await kernel.command({ Debug: "DeadLetters" })).toMatchObject({
      Debug: { DeadLetters: { counts: { offline: 1 }, last: [{ target: "alice.os@no:such:process", body: "lost" }] } },
    });
  });
});

describe("a malformed command", () => {
  test.each<[unknown]>([[null], ["Nope"], [7], [[]], [{}], [{ Nope: 1 }], [["KillProcess", B]]])(
    "%j is answered with MalformedRequest",
    async (body) => {
      expect(await commander().command(body)).toEqual({ Err: "MalformedRequest" });
    },
  );

  test.each<[unknown, string]>([
    [{ InitializeProcess: 1 }, "an object is missing"],
    [{ RunProcess: 1 }, "a text is missing"],
    [{ KillProcess: { id: B } }, "a text is missing"],
    [{ GrantCapabilities: { target: B } }, "a list of capabilities is missing"],
    [{ GrantCapabilities: { target: "no:such:process", capabilities: [] } }, 'there is no process "no:such:process"'],
    [{ DropCapabilities: { target: B, capabilities: [1] } }, "an object is missing"],
    [{ SetOnExit: { target: "no:such:process", on_exit: "None" } }, 'there is no process "no:such:process"'],
    [{ SetOnExit: { target: B, on_exit: {} } }, 'on_exit must be "None", "Restart" or {"Requests":[…]}'],
    [{ Debug: "Nope" }, QUERIES],
    [{ Debug: {} }, QUERIES],
    [{ Debug: 7 }, "an object is missing"],
    [{ Debug: { Logs: { since: -1 } } }, "since must be a whole number from 0"],
    [{ Debug: { Logs: { limit: "9" } } }, "limit must be a whole number from 0"],
    [{ RestartProcess: 1 }, "a text is missing"],
  ])("%j is also told why", async (body, message) => {
    expect(await commander().command(body)).toEqual({ Err: "MalformedRequest", message });
  });

  test.each([[{ target: "nobody", body: 1 }], [["nobody", { body: 1 }, null]]])(
    "an on_exit request to no address, %j, is refused when it is set",
    async (request) => {
      const kernel = commander();
      const body = { SetOnExit: { target: B, on_exit: { Requests: [request] } } };
      expect(await kernel.command(body)).toMatchObject({ Err: "MalformedRequest" });
      expect(kernel.node.kernel.registry.all().map(({ onExit }) => onExit)).toContain("Restart");
    },
  );

  test("that expects nothing is not answered, and the kernel goes on", async () => {
    const kernel = commander();
    await order(kernel, { RunProcess: 1 });
    expect(await kernel.command({ RunProcess: B })).toBe("RunProcessError");
    expect(kernel.node.kernel.deadLetters.total).toBe(0);
  });
});

describe("the right to debug", () => {
  const asks = { requestCapabilities: [{ process: KERNEL, params: { debug: true } }] };

  test("is enough for queries, first and again", async () => {
    const { a } = withA(asks);
    for (const _ of [1, 2]) {
      const { body } = await ask(a.host, KERNEL, { Debug: { Process: A } });
      expect(body).toMatchObject({ Debug: { Process: { state: "running" } } });
    }
  });

  test.each([
    ["a command", { KillProcess: B }],
    ["a command behind a query", { Debug: "Tree", KillProcess: B }],
    ["a query behind a command", { KillProcess: B, Debug: "Tree" }],
    ["a text", "Shutdown"],
    ["nothing", null],
    ["a list", [{ Debug: "Tree" }]],
  ])("is not for %s, also after a query", async (_what, body) => {
    const kernel = withA(asks);
    kernel.add(B, silent);
    await ask(kernel.a.host, KERNEL, { Debug: "Tree" });
    tell(kernel.a.host, KERNEL, body, { expects: 5 });
    expect((await kernel.a.next()).error).toBe("Denied");
    expect(stateOf(kernel, B)).toBe("running");
  });

  test("is not for whoever asks on behalf of another, nor without it", async () => {
    const { a, add } = withA(asks);
    const capabilities = [{ issuer: `alice.os@${A}`, params: ON_BEHALF }];
    tell(a.host, KERNEL, { Debug: "Tree" }, { expects: 5, capabilities });
    expect((await a.next()).error).toBe("Denied");
    const c = new Recorder();
    add(C, c.program, { public: true, requestCapabilities: [{ process: KERNEL, params: { debug: false } }] });
    tell(c.host, KERNEL, { Debug: "Tree" }, { expects: 5 });
    expect((await c.next()).error).toBe("Denied");
  });
});

test("an answer or error sent to the kernel is not taken for a command", async () => {
  const kernel = commander();
  const [process] = kernel.node.kernel.registry.all();
  const from = Address.parse(`alice.os@${A}`);
  process?.post(new Envelope("response", from, Address.parse(`alice.os@${KERNEL}`), { KillProcess: B }, null));
  await settle();
  expect(stateOf(kernel, B)).toBe("running");
});

test("Shutdown stops the node", async () => {
  const kernel = commander();
  await order(kernel, "Shutdown");
  await kernel.advance(1_000);
  await kernel.stop();
  expect(kernel.node.kernel.registry.size).toBe(0);
});

/** Names, and what is told about those who bear them: registry, ids, keepers, events. */
import { describe, expect, test } from "@jest/globals";
import { randomProcessName } from "../../kernel/id.ts";
import { type Keeper, randomId } from "../../kernel/index.ts";
import { Envelope, ProcessId } from "../../lib/protocol/index.ts";
import { A, B, C, withA, withAB } from "../support/cast.ts";
import { program, settle, silent, started, startKernel, tell, thrownBy } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

describe("Kernel.register()", () => {
  test("refuses a name that is taken, and one with other letters", async () => {
    const { add } = withAB(silent);
    expect(await thrownBy(() => add(B, silent))).toMatchObject({ name: "SpawnError", fault: "NameTaken" });
    expect(await thrownBy(() => add("B:b:c", silent))).toMatchObject({
      code: "InvalidName",
      message: 'Cannot start process "B:b:c" as a name has only the letters a-z 0-9 - _ (a publisher also dots)',
    });
  });

  test.each([[["nobody"]], [[{ process: B, params: undefined }]]])(
    "leaves no name behind when a capability names nobody or nothing: %j",
    async (grants) => {
      const { add, node } = withAB(silent);
      await thrownBy(() => add(C, silent, { grantCapabilities: grants as string[] }));
      expect(node.kernel.registry.get(ProcessId.parse(C))).toBeUndefined();
    },
  );
});

describe("Registry.alias()", () => {
  test("leads to the process of the other name, for messages too, and cannot be taken", async () => {
    const { a, node, add } = withA();
    const b = new Recorder();
    add(B, b.program, { public: true });
    node.kernel.registry.alias("b:sys:old", B);
    tell(a.host, "b:sys:old", "hi", { expects: 1 });
    expect((await b.next()).body).toBe("hi");
    expect(await thrownBy(() => add("b:sys:old", silent))).toMatchObject({ fault: "NameTaken" });
  });

  test("leads nowhere while nobody has the other name", async () => {
    const { a, node } = withA();
    node.kernel.registry.alias("b:sys:old", B);
    tell(a.host, "b:sys:old", "hi", { expects: 1 });
    expect((await a.next()).error).toBe("Offline");
  });
});

describe("spawn()", () => {
  test.each<[string, object, string, string]>([
    [
      "NoFileAtPath",
      { name: "x", file: "x.js" },
      "x",
      'there is no file "x.js" in its package: name one by its path inside the package\'s folder',
    ],
    [
      "NoFileAtPath",
      { name: "x" },
      "x",
      'there is no file "" in its package: name one by its path inside the package\'s folder',
    ],
    ["InvalidProgram", { name: "x", program: {} }, "x", "it is no program: pass what defineProcess returns"],
    [
      "InvalidName",
      { name: "X", program: silent },
      "X",
      "a name has only the letters a-z 0-9 - _ (a publisher also dots)",
    ],
  ])("is refused with %s: %j", async (fault, options, name, rule) => {
    const { a, node } = withA();
    expect(await thrownBy(() => started(a.host).spawn(options))).toMatchObject({
      name: "SpawnError",
      fault,
      code: fault,
      message: `Cannot start process "${name}:a-package:template.os" as ${rule}`,
    });
    expect(node.kernel.registry.size).toBe(2);
  });

  test("that asks for a capability of nobody leaves the name free", async () => {
    const { a } = withA();
    const host = started(a.host);
    expect(
      await thrownBy(() => host.spawn({ name: "x", program: silent, requestCapabilities: ["nobody"] })),
    ).toMatchObject({ name: "IdError" });
    expect((await host.spawn({ name: "x", program: silent })).process).toBe("x");
  });

  test("runs the child's init, whose throw is the child's crash and not the parent's", async () => {
    const { a, node } = withA();
    await started(a.host).spawn({
      name: "x",
      program: program(() => undefined, {
        init: () => {
          throw new Error("in init");
        },
      }),
    });
    expect(node.kernel.crashes.last()).toMatchObject([{ process: "x:a-package:template.os", message: null }]);
    tell(a.host, A, "still here");
    expect((await a.next()).body).toBe("still here");
  });
});

describe("a keeper", () => {
  test("says what a new incarnation hears before what waited, is shown that, and hears of its end", async () => {
    const log: unknown[] = [];
    const b = new Recorder();
    b.onMessage = ({ body }) => {
      if (body === "throw") throw new Error("told to");
    };
    const { a, node, add, advance } = withA();
    const keeper: Keeper = {
      restarting: (process, waiting) => {
        log.push(["restarting", process.address.id.text, waiting.map(({ body }) => body)]);
        return [1, 2].map((n) => new Envelope("request", process.address, process.address, `prelude ${n}`, null));
      },
      gone: (process) => void log.push(["gone", process.address.id.text]),
    };
    node.kernel.keepers.add(keeper);
    const process = add(B, b.program, { public: true, onExit: "Restart" });
    for (const body of ["throw", "waited"]) tell(a.host, B, body);
    await advance(10);
    expect(b.all.map(({ body }) => body)).toEqual(["throw", "prelude 1", "prelude 2", "waited"]);
    process.kill();
    expect(log).toEqual([
      ["restarting", B, ["waited"]],
      ["gone", B],
    ]);
  });
});

describe("kernel events", () => {
  test("tell of dead letters as they are counted, until the listener leaves", async () => {
    const { node, add } = startKernel();
    const a = new Recorder();
    add(A, a.program);
    const letters: unknown[] = [];
    const leave = node.kernel.events.listen((event) => void letters.push(event));
    tell(a.host, "no:such:process", 1);
    leave();
    tell(a.host, "no:such:process", 2);
    await settle();
    expect(letters).toEqual([{ type: "dead-letter", letter: node.kernel.deadLetters.last()[0] }]);
  });
});

describe("random names", () => {
  test("of processes are decimal u64, and safe", () => {
    for (let i = 0; i < 100; i++) {
      const name = randomProcessName();
      expect(BigInt(name)).toBeLessThan(2n ** 64n);
      expect(new ProcessId(name, "a", "b").isSafe()).toBe(true);
    }
  });

  test("ids fit a URL, and each is another", () => {
    expect(randomId()).toMatch(/^[A-Za-z0-9_-]{21}$/);
    expect(new Set(Array.from({ length: 100 }, randomId)).size).toBe(100);
  });
});

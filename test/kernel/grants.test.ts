/** A manifest may grant to a process whose package is loaded later. */
import { describe, expect, test } from "@jest/globals";
import { ProcessId } from "../../lib/protocol/index.ts";
import { B, C, withA } from "../support/cast.ts";
import { program, settle, silent, tell } from "../support/kernel.ts";
import { Recorder } from "../support/recorder.ts";

describe("grantCapabilities to a process that is not there yet", () => {
  test("reaches it when it comes", async () => {
    const kernel = withA();
    const b = new Recorder();
    kernel.add(B, b.program, { grantCapabilities: [C] });
    const c = new Recorder();
    kernel.add(C, c.program);
    tell(c.host, B, "granted before I came");
    await settle();
    expect(b.all.map(({ body }) => body)).toEqual(["granted before I came"]);
  });

  test("is forgotten when its issuer has gone before", async () => {
    const kernel = withA();
    kernel.add(B, silent, { grantCapabilities: [C] }).kill();
    const c = kernel.add(
      C,
      program(() => undefined),
    );
    expect(c.capabilities.list()).toEqual([]);
    expect(kernel.node.kernel.registry.get(ProcessId.parse(B))).toBeUndefined();
  });
});

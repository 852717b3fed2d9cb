/** Bodies are values (DESIGN §3.5). */
import { afterEach, describe, expect, test } from "@jest/globals";
import { createNode } from "../../kernel/index.ts";
import { program, settle, startKernel, tell } from "../support/kernel.ts";
import { P } from "../support/node.ts";
import { Recorder } from "../support/recorder.ts";

describe("a node and the bodies it carries", () => {
  /** What comes of changing a body after it was sent, as a request and as an answer. */
  async function changeAfterSending(freezeBodies?: boolean): Promise<unknown[]> {
    const kernel = startKernel(freezeBodies === undefined ? {} : { freezeBodies });
    const asker = new Recorder();
    kernel.add("asker:asker:test", asker.program);
    const answer = { n: 1 };
    kernel.add(
      P,
      program((_, host) => host.respond({ body: answer })),
      { public: true },
    );
    const body = { list: [1] };
    tell(asker.host, P, body, { expects: 1 });
    await settle();
    const change = (act: () => unknown): string => {
      try {
        act();
        return "changed";
      } catch (thrown) {
        return thrown instanceof Error ? thrown.name : "";
      }
    };
    return [change(() => body.list.push(2)), change(() => Object.assign(answer, { n: 2 }))];
  }

  test("throws where a body is changed after sending, requests and answers alike", async () => {
    expect(await changeAfterSending(true)).toEqual(["TypeError", "TypeError"]);
  });

  test("does not look when freezeBodies is off", async () => {
    expect(await changeAfterSending(false)).toEqual(["changed", "changed"]);
  });

  describe("told nothing", () => {
    const before = process.env.NODE_ENV;
    afterEach(() => {
      process.env.NODE_ENV = before;
    });

    test.each([
      ["production", false],
      ["test", true],
      ["development", true],
    ])("in %s freezes bodies: %p", (environment, freezes) => {
      process.env.NODE_ENV = environment;
      expect(createNode().kernel.freezeBodies).toBe(freezes);
    });
  });
});

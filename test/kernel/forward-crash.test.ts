/** Who has a request now is who ends it: not who passed it on. */
import { describe, expect, test } from "@jest/globals";
import { A, B, C, withAB } from "../support/cast.ts";
import { ask, program, request } from "../support/kernel.ts";

describe("a process that passes a request on with inherit and then crashes", () => {
  test("leaves its requester to the next holder's answer", async () => {
    const kernel = withAB(
      program((message, host) => {
        host.send(request(host, C, message.body, { inherit: true }));
        throw new Error("after passing it on");
      }),
      { onExit: "Restart" },
    );
    kernel.add(
      C,
      program((message, host) => host.respond({ body: `C: ${message.body}` })),
      { public: true },
    );
    expect((await ask(kernel.a.host, B, "hello")).body).toBe("C: hello");
    expect(kernel.node.kernel.deadLetters.last()).toMatchObject([{ reason: "crashed", source: `alice.os@${A}` }]);
  });
});

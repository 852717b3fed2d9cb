/** Frames go past the bus: whom the http-server gives channels is in the kernel's Routes all the same. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { hear, openChannel, startWithP, stopNodes, TRANSPORTS } from "../../support/channels.ts";
import { ask } from "../../support/kernel.ts";
import { P } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";

describe.each(TRANSPORTS)("%s", (transport) => {
  afterEach(stopNodes);

  test("a process that has had a channel is one that http-server sends to, from then on", async () => {
    const { on, p } = await startWithP(transport);
    const person = new Recorder();
    on.add("person:p:me.os", person.program, { requestCapabilities: ["kernel:distro:sys"] });
    const routes = async (): Promise<readonly string[]> => {
      const { body } = await ask(person.host, "kernel:distro:sys", { Debug: "Routes" });
      return (
        (body as { Debug: { Routes: Record<string, readonly string[]> } }).Debug.Routes["http-server:distro:sys"] ?? []
      );
    };
    expect(await routes()).not.toContain(P);
    const { client } = await openChannel(on);
    client.sendText("hello");
    await hear(p, 2);
    expect(await routes()).toContain(P);
    client.sendClose(1000);
    await hear(p, 1);
    expect(await routes()).toContain(P);
  });
});

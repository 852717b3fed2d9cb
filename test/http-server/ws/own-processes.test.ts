/** A client cannot reach the node's own processes, whatever they may be sent by the http-server. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { startTestNode, type TestNode } from "../../support/node.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

let node: TestNode;

afterEach(async () => {
  destroyAll();
  await node.stop();
});

describe.each(["uws", "ws"] as const)("%s WsRegister", (transport) => {
  test.each(["kernel:distro:sys", "state:distro:sys", "http-server:distro:sys"])(
    "for %s is refused with 4404",
    async (target) => {
      node = await startTestNode({ transport });
      const client = await RawSocket.connect(node.port);
      await client.upgrade({ path: "/" });
      client.sendText(JSON.stringify({ auth_token: node.token, target_process: target }));
      expect(JSON.parse(await client.nextText())).toEqual({
        error: { code: "no_such_process", message: `no process "${target}" takes channels here` },
      });
      expect((await client.nextClose()).code).toBe(4404);
    },
  );
});

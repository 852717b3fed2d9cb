/** Case 96, the hard half: a token of bob.os that was signed with the very secret of alice.os, as when its state was copied. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { type HttpServer, startHttpServer, type TransportName } from "../../../http-server/index.ts";
import { createNode, type Node } from "../../../kernel/index.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { stateProcess } from "../../../processes/state/state.ts";
import { memoryStore, type StateStore } from "../../../processes/state/store.ts";
import { TRANSPORTS } from "../../support/channels.ts";
import { P } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

describe.each(TRANSPORTS)("%s token of another node", (transport) => {
  const nodes: Node[] = [];

  afterEach(async () => {
    destroyAll();
    for (const node of nodes.splice(0)) await node.stop();
  });

  async function start(name: string, store: StateStore): Promise<HttpServer> {
    const node = createNode({ name });
    nodes.push(node);
    node.addSystemProcess({
      id: ProcessId.parse("state:distro:sys"),
      program: stateProcess(store),
      public: true,
      trusted: true,
    });
    return await startHttpServer(node, { transport: transport as TransportName, password: "correct horse" });
  }

  async function answer(server: HttpServer, token: string): Promise<unknown> {
    const client = await RawSocket.connect(server.port);
    await client.upgrade();
    client.sendText(JSON.stringify({ auth_token: token, target_process: P }));
    return JSON.parse(await client.nextText());
  }

  test("is refused, and a cookie with it too; one of the node itself outlives its restart", async () => {
    const store = { ...memoryStore(), close: async () => undefined }; // outlives the nodes
    const bob = (await start("bob.os", store)).issueToken();
    await nodes.pop()?.stop();
    const own = (await start("alice.os", store)).issueToken();
    await nodes.pop()?.stop();

    const server = await start("alice.os", store);
    server.node.addProcess(ProcessId.parse(P), new Recorder().program, {
      requestCapabilities: ["http-server:distro:sys"],
      grantCapabilities: ["http-server:distro:sys"],
    });
    expect(await answer(server, own)).toEqual({ channel_id: expect.any(Number) }); // the secret is the same
    expect(await answer(server, bob)).toMatchObject({ error: { code: "bad_token" } });
    const client = await RawSocket.connect(server.port);
    await client.upgrade({ headers: { cookie: `jackfield-auth_alice.os=${bob}; jackfield-auth_bob.os=${bob}` } });
    client.sendText(JSON.stringify({ target_process: P }));
    expect(JSON.parse(await client.nextText())).toMatchObject({ error: { code: "bad_token" } });
  });
});

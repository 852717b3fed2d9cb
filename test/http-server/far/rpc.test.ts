/** RPC to a process of another node, and to a name of the cluster (PROTOCOL.md §12). */
import { afterEach, describe, expect, test } from "@jest/globals";
import { defineProcess } from "../../../lib/process/index.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { addFar, cluster, stopCluster, WIRES } from "../../support/cluster.ts";
import { askHttp } from "../../support/http-client.ts";
import { P, Q, type TestNode } from "../../support/node.ts";
import { Recorder } from "../../support/recorder.ts";

afterEach(stopCluster);

/** @returns the status, and the answer's body or the error's code and message */
async function rpc(on: TestNode, node: string, process: string): Promise<readonly [number, string]> {
  const { status, body } = await askHttp(on.port, {
    method: "POST",
    path: "/rpc:distro:sys/message",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ node, process, body: '"who?"', expects_response: 10 }),
  });
  const { body: bytes, error } = JSON.parse(body) as {
    readonly body?: readonly number[];
    readonly error?: { readonly code: string; readonly message: string };
  };
  return [status, bytes === undefined ? `${error?.code}: ${error?.message}` : Buffer.from(bytes).toString()];
}

describe.each(WIRES.map((each) => [each.join(", "), each] as const))("over %s", (_, [wires, transport]) => {
  test("a process of another node answers; one that is not public is 403 Denied, one that is not there 503", async () => {
    const made = await cluster(wires);
    const alice = await made.start("alice.os", transport);
    const bob = await made.start("bob.os", transport);
    const p = new Recorder();
    p.onMessage = ({ source }, host) => host.respond({ body: `not ${source}` });
    addFar(bob, P, p.program);
    const q = new Recorder();
    addFar(bob, Q, q.program, { public: false });
    expect(await rpc(alice, "bob.os", P)).toEqual([200, "not alice.os@http-server:distro:sys"]);
    expect(await rpc(alice, "bob.os", Q)).toEqual([
      403,
      `Denied: Cannot get an answer from "bob.os@${Q}" as the sender holds no messaging capability for it: list it in request_capabilities, or make it public`,
    ]);
    expect(q.waiting).toEqual([]);
    const [status, why] = await rpc(alice, "bob.os", "nobody:my-package:template.os");
    expect([status, why.split(":")[0]]).toEqual([503, "Offline"]);
  });

  test("* as node is a name of the cluster, wherever it is", async () => {
    const made = await cluster(wires);
    const alice = await made.start("alice.os", transport);
    const bob = await made.start("bob.os", transport);
    for (const on of [alice, bob]) await made.join(on);
    const program = defineProcess({ onRequest: (_state, _message, ctx) => ctx.respond(`${ctx.key} on ${ctx.node}`) });
    await bob.node.addClusterProcess(ProcessId.parse("room:chat:template.os"), "keyed", program, { public: true });
    expect(await rpc(alice, "*", "room/42:chat:template.os")).toEqual([200, "42 on bob.os"]);
  });
});

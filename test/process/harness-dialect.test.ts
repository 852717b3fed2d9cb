/** A process of another dialect in the harness: it meets there what it meets on a node (contract kinode §8). */
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { defineProcess, Request } from "../../lib/process/index.ts";
import { DIALECTS, HTTP_SERVER_IN } from "../../lib/protocol/index.ts";

const FULL = {
  path: "/x",
  channel_id: 1,
  source_socket_addr: "10.0.0.1:4",
  forwarded_for: null,
  user: null,
  query_params: {},
  headers: {},
  protocol: null,
};
const OPEN = {
  kinode: FULL,
  hyperware: FULL,
  nectar: { path: "/x", channel_id: 1 },
  uqbar: 1,
} as const;

describe("startProcess() with a dialect", () => {
  test.each(DIALECTS)("%s: events and answers are spelled so, and the handlers stay the same", async (dialect) => {
    const seen: unknown[] = [];
    const program = defineProcess({
      async init(ctx) {
        const asked = await Request.to("http_server:sys:uqbar")
          .body({ WebSocketPush: { channel_id: 1 } })
          .sendAndAwaitResponse();
        seen.push(asked.body, asked.source.id.text, await ctx.sendWsPush(9, "nobody"));
      },
      onOpen: (_, open, ctx) => void seen.push(open.channelId, ctx.message?.body, ctx.message?.source.id.text),
      onPush: (_, { messageType }, blob) => void seen.push(`${messageType} ${blob.text()}`),
      onHttp: (_, request) => request.reply(request.path),
      onClose: (_, { code }) => void seen.push(code),
    });
    const harness = await startProcess(program, { dialect });
    const isOld = dialect === "nectar" || dialect === "uqbar";
    expect(seen.splice(0)).toEqual([
      { Err: isOld ? "NoPayload" : "NoBlob" },
      "http_server:sys:uqbar",
      { Err: "WsChannelNotFound" },
    ]);
    const id = await harness.open({ path: "/x", peer: "10.0.0.1:4" });
    expect(seen.splice(0)).toEqual([1, { WebSocketOpen: OPEN[dialect] }, HTTP_SERVER_IN[dialect].text]);
    await harness.push(id, "hi");
    expect(await harness.http({ path: "/a/b" })).toMatchObject({ status: 200, data: "/a/b" });
    await harness.restart();
    expect(seen.splice(4, 3)).toEqual([1, { WebSocketOpen: OPEN[dialect] }, HTTP_SERVER_IN[dialect].text]);
    await harness.close(id, 4000);
    expect([seen[0], seen.at(-1)]).toEqual([dialect === "uqbar" ? "Binary hi" : "Text hi", isOld ? 1005 : 4000]);
  });
});

/** Handlers: which message reaches which, how the state is threaded, what happens without one. */
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { defineProcess, type Program } from "../../lib/process/index.ts";

const KV = "kv:distro:sys";

/** Says what each message and init returned to the kernel. */
function watched(program: Program, results: unknown[]): Program {
  return {
    start(host) {
      const instance = program.start(host);
      return {
        init() {
          const result = instance.init?.();
          results.push(result);
          return result;
        },
        handle(message) {
          const result = instance.handle(message);
          results.push(result);
          return result;
        },
      };
    },
  };
}

describe("handlers", () => {
  test("each message reaches its own, with the state as the last one left it", async () => {
    const harness = await startProcess(
      defineProcess<readonly string[]>({
        init(ctx) {
          ctx.request(KV).expectsResponse(1).send();
          ctx.request(KV).expectsResponse(1).send();
          ctx.after(500, (seen) => [...seen, "timer"]);
          return ["init"];
        },
        onOpen: (seen) => [...seen, "open"],
        onPush: (seen, _, blob) => [...seen, `push ${blob.text()}`],
        onClose: (seen, { code }) => [...seen, `close ${code}`],
        onHttp(seen, request) {
          request.reply("ok");
          return [...seen, `http ${request.path}`];
        },
        onRequest(seen, { body }, ctx) {
          if (body === "?") ctx.respond(seen);
          return [...seen, "request"];
        },
        onResponse: (seen, { body }) => [...seen, `response ${body}`],
        onSendError: (seen, { kind }) => [...seen, `error ${kind}`],
        onExit: (seen, ctx) => ctx.log(seen.at(-1) ?? ""),
      }),
    );
    const channelId = await harness.open();
    await harness.push(channelId, "x");
    await harness.close(channelId, 1005);
    await harness.http({ path: "/page" });
    await harness.send(null);
    await harness.sent[0]?.answer("yes");
    await harness.sent[1]?.fail("Offline");
    await harness.advance(500);
    expect((await harness.request("?")).body).toEqual([
      "init",
      "open",
      "push x",
      "close 1005",
      "http /page",
      "request",
      "response yes",
      "error Offline",
      "timer",
    ]);
    await harness.stop();
    expect(harness.logs).toEqual(["request"]);
  });

  test("undefined keeps the state; a promise's value replaces it before the next message", async () => {
    const harness = await startProcess(
      defineProcess<number>({
        init: async () => 1,
        onRequest(state, { body }, ctx) {
          if (body === "?") return ctx.respond(state);
          if (body === "later") return ctx.getState().then(() => state + 10);
          return ctx.getState().then(() => undefined);
        },
      }),
    );
    const messages = [harness.send("later"), harness.send("later"), harness.send("nothing")];
    await Promise.all(messages);
    expect((await harness.request("?")).body).toBe(21);
  });

  test("only a handler that returns a promise makes the kernel wait", async () => {
    const results: unknown[] = [];
    const program = defineProcess<number>({
      init: () => 1,
      onOpen: (state) => state + 1,
      onPush: (_, { channelId }, blob, ctx) => ctx.push(channelId, blob),
      onClose: async (state) => state + 1,
    });
    const harness = await startProcess(watched(program, results));
    const channelId = await harness.open();
    await harness.push(channelId, "x");
    await harness.close(channelId);
    expect(results).toEqual([undefined, undefined, undefined, expect.any(Promise)]);
  });

  test("null and false are states, too", async () => {
    const harness = await startProcess(
      defineProcess<null | false>({
        init: () => null,
        onRequest(state, { body }, ctx) {
          if (body !== "?") return false;
          ctx.respond({ state });
          return undefined;
        },
      }),
    );
    expect((await harness.request("?")).body).toEqual({ state: null });
    await harness.send("go");
    expect((await harness.request("?")).body).toEqual({ state: false });
  });

  test("a close without its facts is 1005, as from an http-server of the contract", async () => {
    const codes: number[] = [];
    const program = defineProcess({ onClose: (_, { code }) => void codes.push(code) });
    const harness = await startProcess({
      start(host) {
        const instance = program.start(host);
        return {
          handle(message) {
            message.metadata = null;
            return instance.handle(message);
          },
        };
      },
    });
    await harness.close(await harness.open());
    expect(codes).toEqual([1005]);
  });

  test("what looks like a channel event but is from no http-server is a request; of another node's, it says which", async () => {
    const seen: unknown[] = [];
    const harness = await startProcess(
      defineProcess({
        onPush: (_, push) => void seen.push(push),
        onRequest: (_, { source }) => void seen.push(source.text),
      }),
    );
    const body = { WebSocketPush: { channel_id: 1, message_type: "Text" } };
    await harness.send(body, { from: "evil:http-server:sys" });
    await harness.send(body, { from: "bob.os@http-server:distro:sys" });
    await harness.send({ HttpClose: 1 }, { from: "bob.os@http-server:distro:sys" });
    expect(seen).toEqual([
      "alice.os@evil:http-server:sys",
      { channelId: 1, node: "bob.os", messageType: "Text" },
      "bob.os@http-server:distro:sys",
    ]);
  });
});

describe("without a handler", () => {
  test("a request and a SendError are left with a line in the log; channels and HTTP without one", async () => {
    const harness = await startProcess(
      defineProcess({ init: (ctx) => ctx.request(KV).body("x").expectsResponse(1).send() }),
    );
    await harness.close(await harness.open());
    await harness.send("hello", { from: "other:other:sys" });
    await harness.sent[0]?.fail("Denied");
    expect(harness.logs).toEqual([
      "a request from alice.os@other:other:sys was left unanswered: there is no onRequest",
      expect.stringMatching(/^Cannot get an answer from "alice.os@kv:distro:sys" as .*; there is no onSendError$/),
    ]);
  });
});

describe("a throw", () => {
  test.each(["now", "later"])(
    "of a handler (%s) ends the incarnation; the next begins with init and fresh state",
    async (when) => {
      const harness = await startProcess(
        defineProcess<number>({
          init: () => 0,
          async onRequest(state, { body }, ctx) {
            if (body === "?") ctx.respond(state);
            if (body === "crash") {
              if (when === "later") await ctx.getState();
              throw new Error(when);
            }
            return state + 1;
          },
        }),
      );
      await harness.send("count");
      await expect(harness.send("crash")).rejects.toThrow(when);
      await harness.restart();
      expect((await harness.request("?")).body).toBe(0);
    },
  );
});

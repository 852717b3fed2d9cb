/** Answers of Hanami's REST that take long, fail, or are too many: with endpoints of the test's own. */
import { afterEach, expect, test } from "@jest/globals";
import { type Context, defineProcess } from "../../../lib/process/index.ts";
import type { Endpoint, Result } from "../../../processes/hanami/endpoint.ts";
import type { Front } from "../../../processes/hanami/front.ts";
import { hanamiLimits } from "../../../processes/hanami/limits.ts";
import { Rest } from "../../../processes/hanami/rest.ts";
import { Router } from "../../../processes/hanami/router.ts";
import { Throttle } from "../../../processes/hanami/users/throttle.ts";
import { until } from "../../support/channels.ts";
import { startTestNode, type TestNode } from "../../support/node.ts";

const ID = "rest:hanami:sys";
const LIMITS = { ...hanamiLimits({ requests: 2, bodyBytes: 1024 }), answerSeconds: 0.01 };
const CALLER = { id: "anna", name: "anna", isAdmin: false, projectId: "lab1", isProjectAdmin: false };

let node: TestNode | undefined;
afterEach(() => node?.stop());

type Asked = { readonly resolve: (result: Result) => void; readonly reject: (error: Error) => void };

/** @returns what the endpoint `slow` was asked so far, to be answered by the test */
async function start(): Promise<{ readonly asked: Asked[]; readonly logs: string[]; readonly url: string }> {
  const asked: Asked[] = [];
  const logs: string[] = [];
  const slow: Endpoint = {
    method: "POST",
    path: "slow",
    fields: {},
    handle: () => new Promise<Result>((resolve, reject) => asked.push({ resolve, reject })),
  };
  const program = defineProcess<Rest>({
    async init(ctx) {
      await ctx.bindHttp("/", { authenticated: false });
      return restOf(ctx, slow);
    },
    onHttp: (rest, request) => void rest.serve(request),
  });
  node = await startTestNode();
  node.node.kernel.events.listen((event) => {
    if (event.type === "log") logs.push(event.text);
  });
  node.add(ID, program);
  return { asked, logs, url: `${node.url}/${ID}/v1/slow` };
}

function restOf(ctx: Context<Rest>, endpoint: Endpoint): Rest {
  const front = { ctx, limits: LIMITS, accounts: { verify: () => CALLER } } as unknown as Front; // all that Rest asks
  const throttle = new Throttle({ limits: LIMITS, now: () => 0, sleep: async () => undefined });
  return new Rest(front, new Router([endpoint]), throttle);
}

const post = (url: string, body = "{}") => fetch(url, { method: "POST", headers: { "x-auth-token": "any" }, body });

test("one that takes long begins with a 200, and its result follows", async () => {
  const { asked, url } = await start();
  const answer = await post(url); // its head is there
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/json"]);
  asked[0]?.resolve({ uuid: "1" });
  expect(await answer.json()).toEqual({ uuid: "1" });
});

test("one that fails then is cut, and logged", async () => {
  const { asked, logs, url } = await start();
  const answer = await post(url);
  asked[0]?.reject(new Error("the disk is full"));
  await expect(answer.text()).rejects.toThrow();
  expect(logs).toContainEqual("POST /v1/slow was cut: the disk is full");
});

test("one more than limits.requests is a 500 at once; a body of more than limits.bodyBytes a 400", async () => {
  const { asked, url } = await start();
  const first = [post(url), post(url)];
  await until(() => asked.length === 2);
  expect((await post(url)).status).toBe(500);
  for (const { resolve } of asked) resolve({});
  for (const answer of first) expect(await (await answer).json()).toEqual({});
  expect((await post(url, JSON.stringify({ a: "x".repeat(1024) }))).status).toBe(400);
});

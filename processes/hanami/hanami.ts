/**
 * hanami:hanami:sys: Hanami's REST and WebSocket for clients of every generation; port 1337 where it is mounted.
 *
 * Needs  http-server, homepage, kv (users, data sets), vfs (uploads and data), all of distro:sys but homepage.
 * State  in databases and drives of the package; clusters are forgotten with the node, as upstream does.
 *
 * 1. Requests run side by side, and none holds the mailbox (rest.ts).
 * 2. A WebSocket says here what it is for (handshake.ts), and is handed to the process of that part or cluster.
 * 3. What parses or computes for long is a child in a thread of its own.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defineProcess } from "jackfield/process";
import { clusterEndpoints } from "./clusters/endpoints.ts";
import { openClusters, takeLeft } from "./clusters/parts.ts";
import { DataSets, partsOf } from "./data-set/data-sets.ts";
import { dataSetEndpoints } from "./data-set/endpoints.ts";
import type { Caller, Ctx } from "./endpoint.ts";
import type { Front } from "./front.ts";
import { Handshakes, type Target } from "./handshake.ts";
import { bindPage } from "./page.ts";
import { Rest } from "./rest.ts";
import { Router } from "./router.ts";
import { hanamiSettings } from "./settings.ts";
import { Parts, type Taker } from "./uploads/parts.ts";
import { Accounts, firstUsers } from "./users/accounts.ts";
import { userEndpoints } from "./users/endpoints.ts";
import { obey } from "./users/orders.ts";
import { Throttle } from "./users/throttle.ts";

type Hanami = { readonly front: Front; readonly rest: Rest; readonly handshakes: Handshakes<Caller> };

export default defineProcess<Hanami>({
  async init(ctx) {
    const front = await frontOf(ctx);
    await addFirstUsers(ctx, front);
    const endpoints = [...userEndpoints(front), ...dataSetEndpoints(front), ...clusterEndpoints(front.clusters)];
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const throttle = new Throttle({ limits: front.limits, now: () => ctx.now(), sleep });
    const rest = new Rest(front, new Router(endpoints), throttle);
    const handshakes = new Handshakes<Caller>(
      {
        verify: (token) => front.accounts.verify(token),
        targetFor: (target, uuid, caller) => takerOf(front, target, uuid, caller),
      },
      front.limits,
    );
    await ctx.bindHttp("/", { authenticated: false });
    await ctx.bindWs("/", { authenticated: false });
    await ctx.bindWs("/*rest", { authenticated: false }); // upstream upgrades on any path
    await bindPage(ctx);
    return { front, rest, handshakes };
  },

  onHttp({ rest }, request) {
    void rest.serve(request); // not awaited: the next one is not to wait for it
  },

  onOpen: ({ handshakes }, { channelId }, ctx) => handshakes.open(channelId, ctx),
  onPush: ({ handshakes }, { channelId, messageType }, blob, ctx) => handshakes.push(channelId, messageType, blob, ctx),
  onClose: ({ handshakes }, { channelId }) => handshakes.closed(channelId),

  async onRequest({ front }, message, ctx) {
    const answer =
      front.parts.take(message) ??
      (await takeLeft(front.clusters, message)) ??
      (await obey(ctx, front.accounts, message));
    if (ctx.asked) ctx.respond(answer);
  },
});

async function frontOf(ctx: Ctx): Promise<Front> {
  const settings = hanamiSettings(ctx.settings, existsSync(join(ctx.host.folder ?? "", "importer.js")));
  const { limits, children } = settings;
  const parts = new Parts(ctx, limits);
  const accounts = await Accounts.open(ctx, limits);
  const dataSets = await DataSets.open(ctx, limits, parts);
  parts.onExpired = (uuid) => void expire(ctx, dataSets, uuid);
  parts.siblingsOf = (uuid) =>
    partsOf(dataSets.ofPart(uuid) ?? { upload: null }).flatMap((part) => (part.uuid === uuid ? [] : [part.uuid]));
  await parts.restore((uuid) => dataSets.partSize(uuid));
  await dataSets.sweep();
  const clusters = await openClusters({ ctx, limits, children, dataSets });
  return { ctx, limits, settings, accounts, dataSets, parts, clusters };
}

async function addFirstUsers(ctx: Ctx, { accounts, settings }: Front): Promise<void> {
  const password = await firstUsers(accounts, settings.users);
  if (password === undefined) return;
  ctx.log(
    `Hanami's first user is "admin" with the password ${password}. It is shown this once; jackfield send ${ctx.our.id.text} '{"SetPassword":{"id":"admin","password":"…"}}' changes it`,
  );
}

/** Whoever waits for it with an abandoned part would wait for ever: the data set goes too, so that they hear 404. */
async function expire(ctx: Ctx, dataSets: DataSets, part: string): Promise<void> {
  const set = dataSets.ofPart(part);
  if (set === undefined) return;
  ctx.log(`the upload of data set ${set.uuid} of ${set.ownerId} was abandoned: it is removed`);
  await dataSets.remove(set).catch((error: unknown) => ctx.log(`data set ${set.uuid} was not removed: ${error}`));
}

/** @throws {Error} there is no such thing for this caller: why not */
async function takerOf(front: Front, target: Target, uuid: string, caller: Caller): Promise<Taker> {
  if (target === "cluster") {
    const admission = await front.clusters.clusters.admit(caller, uuid);
    if ("refused" in admission) throw new Error(admission.refused);
    return { process: admission.process };
  }
  const set = front.dataSets.ofPart(uuid);
  // Its owner alone, not an admin either: nobody else has a reason to write there (contract hanami §6.4).
  if (set === undefined || set.ownerId !== caller.id || set.projectId !== caller.projectId)
    throw new Error(`There is no upload ${uuid}.`);
  return await front.parts.taker(uuid);
}

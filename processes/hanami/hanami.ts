/**
 * hanami:hanami:sys: Hanami's REST and WebSocket for clients of every generation; port 1337 where it is mounted.
 *
 * Needs  http-server, homepage, kv (users, data sets), vfs (uploads and data), all of distro:sys but homepage.
 * State  in databases and drives of the package; clusters are forgotten with the node, as upstream does.
 *
 * 1. Requests run side by side, and none holds the mailbox (rest.ts).
 * 2. What parses or computes for long is a child in a thread of its own.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { defineProcess } from "jackfield/process";
import { textOf } from "jackfield/protocol";
import { clusterEndpoints } from "./clusters/endpoints.ts";
import { openClusters, takeLeft } from "./clusters/parts.ts";
import { DataSets, partsOf } from "./data-set/data-sets.ts";
import { dataSetEndpoints } from "./data-set/endpoints.ts";
import { type Caller, type Ctx, UUID_PATTERN } from "./endpoint.ts";
import type { Front } from "./front.ts";
import { Handshakes } from "./handshake.ts";
import { Rest } from "./rest.ts";
import { Router } from "./router.ts";
import { hanamiSettings } from "./settings.ts";
import { Parts } from "./uploads/parts.ts";
import { Accounts, firstUsers } from "./users/accounts.ts";
import { userEndpoints } from "./users/endpoints.ts";
import { obey } from "./users/orders.ts";
import { Throttle } from "./users/throttle.ts";

type Hanami = { readonly front: Front; readonly rest: Rest; readonly handshakes: Handshakes<Caller> };

export default defineProcess<Hanami>({
  async init(ctx) {
    const front = await frontOf(ctx);
    const password = await firstUsers(front.accounts, front.settings.users);
    if (password !== undefined) ctx.log(`Hanami's first user is "admin" with the password ${password}`);
    await front.dataSets.sweep();
    const endpoints = [...userEndpoints(front), ...dataSetEndpoints(front), ...clusterEndpoints(front.clusters)];
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const throttle = new Throttle({ limits: front.limits, now: () => ctx.now(), sleep });
    const rest = new Rest(front, new Router(endpoints), throttle);
    await ctx.bindHttp("/", { authenticated: false });
    const handshakes = handshakesOf(front);
    await ctx.bindWs("/", { authenticated: false });
    await ctx.bindWs("/*rest", { authenticated: false }); // upstream upgrades on any path
    ctx
      .request("homepage:homepage:sys")
      .body({ Add: { label: "Hanami", description: "Data sets and clusters", path: `/${ctx.our.id.text}/ui/` } })
      .send();
    return { front, rest, handshakes };
  },

  onHttp({ rest }, request) {
    void rest.serve(request); // not awaited: the next one is not to wait for it
  },

  onOpen: ({ handshakes }, { channelId }, ctx) => handshakes.open(channelId, ctx),
  onPush: ({ handshakes }, { channelId, messageType }, blob, ctx) => handshakes.push(channelId, messageType, blob, ctx),
  onClose: ({ handshakes }, { channelId }) => handshakes.closed(channelId),

  async onRequest({ front }, message, ctx) {
    const ofPart = front.parts.take(message);
    if (ofPart !== undefined) {
      if (ctx.asked) ctx.respond(ofPart);
      return;
    }
    const answer = (await takeLeft(front.clusters, message)) ?? (await obey(ctx, front.accounts, message));
    if (ctx.asked) ctx.respond(answer);
  },
});

async function frontOf(ctx: Ctx): Promise<Front> {
  const settings = hanamiSettings(ctx.settings, existsSync(join(ctx.host.folder ?? "", "importer.js")));
  const { limits } = settings;
  const parts = new Parts(ctx, limits);
  const accounts = await Accounts.open(ctx, limits);
  const dataSets = await DataSets.open(ctx, limits, parts);
  await restoreParts(ctx, parts, dataSets);
  const clusters = await openClusters({ ctx, limits, children: settings.children, dataSets });
  return { ctx, limits, settings, accounts, dataSets, parts, clusters };
}

/** A data set of which a part was abandoned will never be whole: it goes. */
async function restoreParts(ctx: Ctx, parts: Parts, dataSets: DataSets): Promise<void> {
  await parts.restore((uuid) => dataSets.partSize(uuid));
  parts.siblingsOf = (uuid) => partsOf(dataSets.ofPart(uuid) ?? { upload: null }).filter((part) => part !== uuid);
  parts.onExpired = (uuid) => {
    const set = dataSets.ofPart(uuid);
    if (set !== undefined) void dataSets.remove(set).catch((error: unknown) => ctx.log(textOf(error)));
  };
}

/** A part is its uploader's alone, whoever asks (sheet §6.4); who may use a cluster is said there. */
function handshakesOf({ accounts, clusters, dataSets, limits, parts }: Front): Handshakes<Caller> {
  return new Handshakes<Caller>(
    {
      verify: (token) => accounts.verify(token),
      async targetFor(target, uuid, caller) {
        if (target === "file_upload") {
          if (dataSets.ofPart(uuid)?.ownerId !== caller.id) throw new Error(`file ${shown(uuid)} not found`);
          return await parts.taker(uuid);
        }
        if (!UUID_PATTERN.test(uuid)) throw new Error(`cluster ${shown(uuid)} not found`);
        const admission = await clusters.clusters.admit(caller, uuid);
        if ("refused" in admission) throw new Error(admission.refused);
        return { process: admission.process };
      },
    },
    limits,
  );
}

/** What a client said, in an answer to it: no longer than a uuid. */
function shown(uuid: string): string {
  return UUID_PATTERN.test(uuid) ? uuid : "with that uuid";
}

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
import { clusterEndpoints } from "./clusters/endpoints.ts";
import { openClusters, takeLeft } from "./clusters/parts.ts";
import { DataSets } from "./data-set/data-sets.ts";
import { dataSetEndpoints } from "./data-set/endpoints.ts";
import { StandInParts } from "./data-set/stand-in-parts.ts";
import type { Ctx } from "./endpoint.ts";
import type { Front } from "./front.ts";
import { Rest } from "./rest.ts";
import { Router } from "./router.ts";
import { hanamiSettings } from "./settings.ts";
import { Accounts, firstUsers } from "./users/accounts.ts";
import { userEndpoints } from "./users/endpoints.ts";
import { obey } from "./users/orders.ts";
import { Throttle } from "./users/throttle.ts";

type Hanami = { readonly front: Front; readonly rest: Rest };

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
    ctx
      .request("homepage:homepage:sys")
      .body({ Add: { label: "Hanami", description: "Data sets and clusters", path: `/${ctx.our.id.text}/ui/` } })
      .send();
    return { front, rest };
  },

  onHttp({ rest }, request) {
    void rest.serve(request); // not awaited: the next one is not to wait for it
  },

  async onRequest({ front }, message, ctx) {
    const answer = (await takeLeft(front.clusters, message)) ?? (await obey(ctx, front.accounts, message));
    if (ctx.asked) ctx.respond(answer);
  },
});

async function frontOf(ctx: Ctx): Promise<Front> {
  const settings = hanamiSettings(ctx.settings, existsSync(join(ctx.host.folder ?? "", "importer.js")));
  const { limits } = settings;
  const parts = new StandInParts(ctx);
  const accounts = await Accounts.open(ctx, limits);
  const dataSets = await DataSets.open(ctx, limits, parts);
  const clusters = await openClusters({ ctx, limits, children: settings.children, dataSets });
  return { ctx, limits, settings, accounts, dataSets, parts, clusters };
}

/** A server at rest, before and after: what has grown. */
import type { CrowdServer, Settled } from "./crowd.ts";

/** After collecting garbage; `rssKb` as well. */
export type Rest = Settled & { readonly rssKb: number };

/** Collects garbage, waits until the server has been quiet for a second, and reads. */
export async function readRest(server: CrowdServer): Promise<Rest> {
  const settled = await server.collect();
  await server.untilQuiet();
  return { ...settled, rssKb: server.rssKb() };
}

export type Growth = {
  readonly heapGrowthPercent: number;
  readonly heapBeforeKb: number;
  readonly heapAfterKb: number;
  readonly rssBeforeKb: number;
  readonly rssAfterKb: number;
};

export function growthOf(before: Rest, after: Rest): Growth {
  return {
    heapGrowthPercent: Math.round(((after.heapUsed - before.heapUsed) * 10_000) / before.heapUsed) / 100,
    heapBeforeKb: Math.round(before.heapUsed / 1024),
    heapAfterKb: Math.round(after.heapUsed / 1024),
    rssBeforeKb: before.rssKb,
    rssAfterKb: after.rssKb,
  };
}

export function growthNote({ heapGrowthPercent, heapBeforeKb, heapAfterKb, rssBeforeKb, rssAfterKb }: Growth): string {
  const heap = `heap ${heapBeforeKb} to ${heapAfterKb} kB (${heapGrowthPercent} %)`;
  return `${heap}, memory ${rssBeforeKb} to ${rssAfterKb} kB`;
}

/** Opens many clients, so many at a time that a server is never asked for more than its backlog takes. */
import { Client, type ClientOptions } from "./client.ts";

const AT_ONCE = 256; // upgrades in progress; uWebSockets.js lets 512 connections wait for accept
const PATIENCE_MS = 60_000; // for all of them; 19,000 took 3 s while others used the cores

export type OpenOptions = Omit<ClientOptions, "index" | "onReady"> & {
  /** The index of the first of them; default 0. */
  readonly from?: number;
};

/** Resolves once all `count` are ready, in the order of their index. @throws {Error} too slow; failures go to `onFailure` */
export function openClients(count: number, { from = 0, ...options }: OpenOptions): Promise<readonly Client[]> {
  return new Promise((resolve, reject) => {
    const clients: Client[] = [];
    let ready = 0;
    const timer = setTimeout(() => {
      reject(new Error(`Cannot go on as ${count} clients must be ready within ${PATIENCE_MS} ms: ${ready} are`));
    }, PATIENCE_MS);
    const onReady = (): void => {
      ready += 1;
      if (clients.length < count) next();
      if (ready < count) return;
      clearTimeout(timer);
      resolve(clients);
    };
    const next = (): void => {
      clients.push(new Client({ ...options, index: from + clients.length, onReady }));
    };
    while (clients.length < Math.min(AT_ONCE, count)) next();
  });
}

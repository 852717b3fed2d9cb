/**
 * Where a realm begins: bin/realm.cjs calls it in a new thread, or in an operating-system process of its own.
 *
 * What this file leads to is all that a realm loads besides its processes: no socket library and no store, whose binaries
 * end badly in threads (contracts/hazards.md §0). scripts/check-imports.mjs sees to it.
 */
import { pathToFileURL } from "node:url";
import { workerData } from "node:worker_threads";
import { REALM_ARGUMENT } from "./child-pipes.ts";
import { ChildRealm } from "./child-realm.ts";
import { Realm } from "./realm.ts";
import type { RealmCarrier } from "./realm-carrier.ts";
import { isThreadData, ThreadRealm } from "./thread-realm.ts";

export function runRealm(): void {
  const realm = new Realm(carrier(), (path) => import(pathToFileURL(path).href));
  process.on("uncaughtExceptionMonitor", (thrown) => realm.dying(thrown));
}

function carrier(): RealmCarrier {
  if (isThreadData(workerData)) return new ThreadRealm(workerData);
  if (process.argv[2] === REALM_ARGUMENT) return new ChildRealm();
  throw new Error("Cannot run a realm here as no node has started it: see kernel/placement");
}

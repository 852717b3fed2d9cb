/** What a realm runs: a worker thread, or an operating-system process, that a node starts for processes placed there. */
import { createRequire } from "node:module";

createRequire(import.meta.url)("./core.cjs")
  ["kernel/placement/realm-main"]()
  .runRealm();

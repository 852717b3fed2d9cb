/** What a realm runs: a worker thread, or an operating-system process, that a node starts for processes placed there. */
"use strict";
require("./core.cjs")["kernel/placement/realm-main"]().runRealm();

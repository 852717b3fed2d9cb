/** Several ports for one server of Node.js, which has a single one. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type CrowdTold, portsFor } from "./crowd.ts";

/** Hands upgrades at further ports to `server`, which listens. @returns all its ports, as `announce` wants them */
export async function listenOn(server: Server, told: CrowdTold): Promise<readonly string[]> {
  const servers = [server];
  while (servers.length < portsFor(told)) {
    const further = createServer();
    further.on("upgrade", (request, socket, head) => server.emit("upgrade", request, socket, head));
    await once(further.listen(0, "127.0.0.1"), "listening");
    servers.push(further);
  }
  return servers.map((each) => String((each.address() as AddressInfo).port)); // each listens on a port, not on a pipe
}

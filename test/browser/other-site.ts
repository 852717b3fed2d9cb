/** A web server of somebody else, on a port of its own. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

const running = new Set<Server>();

/** Answers everything with `html`. @returns its port */
export async function startOtherSite(html: string): Promise<number> {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
  });
  running.add(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** For afterEach. */
export async function stopOtherSites(): Promise<void> {
  for (const server of running) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  running.clear();
}

/** A puppet with a WebSocket path, and sockets on it (stage.ts). */
import type { Puppet } from "./puppet.ts";
import { RawSocket } from "./sockets.ts";
import type { Stage } from "./stage.ts";

/** A socket on the path that `puppet` has bound. */
export async function connect(on: Stage, puppet: Puppet, path = "/"): Promise<RawSocket> {
  const client = await RawSocket.connect(on.port);
  await client.upgrade({ path: `/${puppet.id}${path}` });
  return client;
}

/** A puppet that has bound its path. */
export async function bound(on: Stage, id: string, options: Parameters<Stage["add"]>[1] = {}): Promise<Puppet> {
  const puppet = await on.add(id, {
    init: async (me) => {
      await me.ctx.bindWs("/", { authenticated: false });
    },
    ...options,
  });
  await puppet.run(() => undefined); // it has bound its path
  return puppet;
}

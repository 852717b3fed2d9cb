/** Several ports for one app of uWebSockets.js. */
import { type TemplatedApp, us_socket_local_port } from "uWebSockets.js";

/** @returns ports that were free, as `announce` wants them @throws {Error} there are not so many */
export function listenOnPorts(app: TemplatedApp, count: number): readonly string[] {
  const ports: string[] = [];
  while (ports.length < count) {
    app.listen("127.0.0.1", 0, (listening) => {
      if (listening === false) throw new Error("Cannot listen on 127.0.0.1 as no port is free");
      ports.push(String(us_socket_local_port(listening)));
    }); // at once, not later
  }
  return ports;
}

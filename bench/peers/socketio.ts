/**
 * Socket.IO with its defaults, doing a contender's work in its message event: on the engine it ships with (Node's http
 * server and ws), or on uWebSockets.js. Arguments are objects: parsing and writing JSON is Socket.IO's own doing.
 */

import { App, us_socket_local_port } from "uWebSockets.js";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { announce } from "../contenders/announce.ts";
import { count, type Said } from "../contenders/said.ts";
import { told } from "../contenders/told.ts";

const { work, transport } = told();
const io = new Server();
io.on("connection", (socket) => {
  if (work === "json") socket.on("m", (said: Said) => socket.emit("m", count(said)));
  else socket.on("m", (text: string) => socket.emit("m", text));
});

if (transport === "uws") {
  const app = App();
  io.attachApp(app);
  app.listen("127.0.0.1", 0, (listening) => {
    if (listening === false) throw new Error("Cannot listen on 127.0.0.1 as no port is free");
    announce({ port: us_socket_local_port(listening) });
  });
} else {
  const server = createServer();
  io.attach(server);
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo; // it listens on a port, not on a pipe
    announce({ port });
  });
}

/**
 * Socket.IO with its defaults and very many sockets, on the engine it ships with or on uWebSockets.js. What is published
 * goes to a room that all of them are in.
 */

import { App, us_socket_local_port } from "uWebSockets.js";
import { once } from "node:events";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { announce } from "../contenders/announce.ts";
import { answerCrowd, portsFor, toldCrowd } from "../contenders/crowd.ts";
import { listenOn } from "../contenders/crowd-ports.ts";

const ROOM = "room";
const told = toldCrowd();
const io = new Server();
let sockets = 0;
io.on("connection", (socket) => {
  sockets += 1;
  socket.on("disconnect", () => {
    sockets -= 1;
  });
  if (told.does !== "publish") socket.on("m", (text: string) => socket.emit("m", text));
  else {
    void socket.join(ROOM);
    socket.on("m", (text: string) => io.to(ROOM).emit("m", text));
  }
});

const ports = told.transport === "uws" ? listenOnUws() : await listenOnHttp();
announce({ port: Number(ports[0]), ports });
answerCrowd(() => ({ sockets, channels: sockets }));

async function listenOnHttp(): Promise<readonly string[]> {
  const server = createServer();
  io.attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return listenOn(server, told);
}

function listenOnUws(): readonly string[] {
  const app = App();
  io.attachApp(app);
  const ports: string[] = [];
  while (ports.length < portsFor(told)) {
    app.listen("127.0.0.1", 0, (listening) => {
      if (listening === false) throw new Error("Cannot listen on 127.0.0.1 as no port is free");
      ports.push(String(us_socket_local_port(listening)));
    }); // at once, not later
  }
  return ports;
}

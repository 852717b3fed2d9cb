/**
 * Socket.IO with its defaults and very many sockets, on the engine it ships with or on uWebSockets.js. What is published
 * goes to a room that all of them are in.
 */

import { App } from "uWebSockets.js";
import { once } from "node:events";
import { createServer } from "node:http";
import { Server } from "socket.io";
import { announce } from "../contenders/announce.ts";
import { answerCrowd, portsFor, toldCrowd } from "../contenders/crowd.ts";
import { listenOn } from "../contenders/crowd-ports.ts";
import { listenOnPorts } from "../contenders/uws-ports.ts";

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
  return listenOnPorts(app, portsFor(told));
}

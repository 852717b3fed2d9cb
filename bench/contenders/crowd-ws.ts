/** Bare ws with its defaults: every socket is sent what comes where messages are published, as its README does it. */
import { once } from "node:events";
import { createServer } from "node:http";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { announce } from "./announce.ts";
import { answerCrowd, toldCrowd } from "./crowd.ts";
import { listenOn } from "./crowd-ports.ts";

const told = toldCrowd();
const http = createServer();
const server = new WebSocketServer({ server: http });

function echo(this: WebSocket, message: RawData, isBinary: boolean): void {
  this.send(message, { binary: isBinary });
}

function publish(message: RawData, isBinary: boolean): void {
  for (const client of server.clients)
    if (client.readyState === WebSocket.OPEN) client.send(message, { binary: isBinary });
}

const onMessage = told.does === "publish" ? publish : echo;
server.on("connection", (socket) => socket.on("message", onMessage));
await once(http.listen(0, "127.0.0.1"), "listening");
const ports = await listenOn(http, told);
announce({ port: Number(ports[0]), ports });
answerCrowd(() => ({ sockets: server.clients.size, channels: server.clients.size }));

/** Bare ws: its own server with its defaults, doing a contender's work in its message event. */
import type { AddressInfo } from "node:net";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { announce } from "./announce.ts";
import { count, type Said } from "./said.ts";
import { told } from "./told.ts";

function echo(this: WebSocket, message: RawData, isBinary: boolean): void {
  this.send(message, { binary: isBinary });
}

function json(this: WebSocket, message: RawData): void {
  const said: Said = JSON.parse(message.toString());
  this.send(JSON.stringify(count(said)));
}

const onMessage = told().work === "json" ? json : echo;
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("connection", (socket) => socket.on("message", onMessage));
server.on("listening", () => {
  const { port } = server.address() as AddressInfo; // it listens on a port, not on a pipe
  announce({ port });
});

/**
 * Colyseus with its defaults on its ws transport: one room that all clients are in, doing a contender's work in its
 * message handler. Payloads are MessagePack, which Colyseus reads and writes itself.
 *
 * Seats are reserved here, as its matchmaking over HTTP would; clients take them within 15 s.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Client, matchMaker, Room, Server } from "@colyseus/core";
import { WebSocketTransport } from "@colyseus/ws-transport";
import { announce } from "../contenders/announce.ts";
import { count, type Said } from "../contenders/said.ts";
import { told } from "../contenders/told.ts";

const { work, connections } = told();

class BenchRoom extends Room {
  override onCreate(): void {
    if (work === "json") this.onMessage("m", (client: Client, said: Said) => client.send("m", count(said)));
    else this.onMessage("m", (client: Client, text: string) => client.send("m", text));
  }
}

const http = createServer();
const server = new Server({ transport: new WebSocketTransport({ server: http }), greet: false }); // stdout is the bench's
server.define("bench", BenchRoom);
await server.listen(0, "127.0.0.1");

const room = await matchMaker.createRoom("bench", {});
const paths: string[] = [];
for (let seat = 0; seat < connections; seat += 1) {
  const { sessionId } = await matchMaker.reserveSeatFor(room, {});
  paths.push(`/${room.processId}/${room.roomId}?sessionId=${sessionId}`);
}
const { port } = http.address() as AddressInfo; // it listens on a port, not on a pipe
announce({ port, paths });

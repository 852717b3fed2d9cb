/**
 * Colyseus on its ws transport and very many clients: one room that all are in, which sends back or broadcasts.
 *
 * Defaults but two: the room stays when the first clients have left, and a seat waits for its client until the last of
 * them has come. Seats are reserved here, as its matchmaking over HTTP would: what a seat takes is not among what is
 * measured for a client.
 */
import { createServer } from "node:http";
import { type Client, matchMaker, Room, Server } from "@colyseus/core";
import { WebSocketTransport } from "@colyseus/ws-transport";
import { announce } from "../contenders/announce.ts";
import { answerCrowd, toldCrowd } from "../contenders/crowd.ts";
import { listenOn } from "../contenders/crowd-ports.ts";

const SEAT_SECONDS = 600;
const told = toldCrowd();
let clients = 0;

class CrowdRoom extends Room {
  override autoDispose = false;

  override onCreate(): void {
    this.setSeatReservationTime(SEAT_SECONDS);
    if (told.does === "publish") this.onMessage("m", (_client: Client, text: string) => this.broadcast("m", text));
    else this.onMessage("m", (client: Client, text: string) => client.send("m", text));
  }

  override onJoin(): void {
    clients += 1;
  }

  override onLeave(): void {
    clients -= 1;
  }
}

const http = createServer();
const server = new Server({ transport: new WebSocketTransport({ server: http }), greet: false }); // stdout is the bench's
server.define("crowd", CrowdRoom);
await server.listen(0, "127.0.0.1");

const room = await matchMaker.createRoom("crowd", {});
const paths: string[] = [];
for (let seat = 0; seat < told.connections; seat += 1) {
  const { sessionId } = await matchMaker.reserveSeatFor(room, {});
  paths.push(`/${room.processId}/${room.roomId}?sessionId=${sessionId}`);
}
const ports = await listenOn(http, told);
announce({ port: Number(ports[0]), ports, paths });
answerCrowd(() => ({ sockets: clients, channels: clients }));

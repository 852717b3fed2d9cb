/**
 * Colyseus with its defaults on its ws transport, with one room to be asked for, beside the page it is given on the port
 * after it: both on a server of Node's http. It listens once its matchmaking is ready.
 */
import { createServer } from "node:http";
import { type Client, Room, Server } from "@colyseus/core";
import { WebSocketTransport } from "@colyseus/ws-transport";

const [, , page = "", port] = process.argv;

class EchoRoom extends Room {
  override onCreate(): void {
    this.onMessage("m", (client: Client, text: string) => client.send("m", text));
  }
}

const http = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
});
const server = new Server({ transport: new WebSocketTransport({ server: http }) });
server.define("echo", EchoRoom);
await server.listen(Number(port), "127.0.0.1");
process.stdin.on("end", () => process.exit(0)).resume(); // however the bench ends, so does this

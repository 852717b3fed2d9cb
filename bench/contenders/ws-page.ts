/** Bare ws on a server of Node's http, which serves the page it is given on the port after it. */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const [, , page = "", port] = process.argv;

const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page);
});
new WebSocketServer({ server }).on("connection", (socket) => {
  socket.on("message", (message, isBinary) => socket.send(message, { binary: isBinary }));
});
server.listen(Number(port), "127.0.0.1");
process.stdin.on("end", () => process.exit(0)).resume(); // however the bench ends, so does this

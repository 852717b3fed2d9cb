/**
 * Socket.IO with its defaults, beside the page it is given on the port that comes last: on a server of Node's http, as it
 * comes, or on uWebSockets.js when it is told "uws". Who runs on one engine does not load the other.
 */
import { createServer } from "node:http"; // Socket.IO loads it itself, whatever it runs on
import { Server } from "socket.io";

const TYPE = "text/html; charset=utf-8";
const [, , page = "", engine, port] = process.argv;

const io = new Server();
io.on("connection", (socket) => {
  socket.on("m", (text: string) => socket.emit("m", text));
});

if (engine === "uws") {
  const { App } = await import("uWebSockets.js");
  const app = App();
  io.attachApp(app);
  app.get("/*", (response) => {
    response.writeHeader("content-type", TYPE).end(page);
  });
  app.listen("127.0.0.1", Number(port), (listening) => {
    if (listening === false) throw new Error(`Cannot listen on 127.0.0.1:${port} as it is taken`);
  });
} else {
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": TYPE }).end(page);
  });
  io.attach(server);
  server.listen(Number(port), "127.0.0.1");
}
process.stdin.on("end", () => process.exit(0)).resume(); // however the bench ends, so does this

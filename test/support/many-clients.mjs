/**
 * Holds many registered WebSockets open, in a process of its own: file descriptors are counted per process.
 *
 *   fork("many-clients.mjs", [port, count, token, target])   →  { ids }      all are registered
 *   send("close")                                            →  { closed }   all have ended, half with a close frame, half cut
 *
 * Raw TCP: ten thousand objects of a WebSocket library would take longer to make than to serve.
 */
import { randomBytes } from "node:crypto";
import { connect } from "node:net";

const [port, count, token, target] = process.argv.slice(2);
const AT_ONCE = 200; // connections under way: the server's backlog holds 511
const ADDRESSES = 16; // client addresses: each has some 28,000 ports, some of them still in TIME_WAIT

const register = JSON.stringify({ auth_token: token, target_process: target, encrypted: false });
const sockets = [];

function frame(opcode, payload) {
  const head =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...head]), Buffer.alloc(4), payload]); // masked with zeros
}

/** Resolves with the channel id. */
function open(index) {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port: Number(port),
      host: "127.0.0.1",
      localAddress: `127.0.1.${1 + (index % ADDRESSES)}`,
    });
    let text = "";
    let registered = false;
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (!registered && text.includes("\r\n\r\n")) {
        registered = true;
        socket.write(frame(1, Buffer.from(register))); // not before the answer: RFC 6455 §4.1
      }
      const id = /"channel_id":(\d+)/.exec(text)?.[1];
      if (id !== undefined) resolve(Number(id));
    });
    socket.write(
      `GET / HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString("base64")}\r\n\r\n`,
    );
    sockets.push(socket);
  });
}

function ended(socket) {
  return new Promise((resolve) => {
    socket.on("error", () => {});
    socket.on("close", resolve);
  });
}

const ids = [];
let next = 0;
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (next < Number(count)) ids.push(await open(next++));
  }),
);
process.send({ ids });

process.once("message", async () => {
  const all = sockets.map(ended);
  for (const [index, socket] of sockets.entries()) {
    if (index % 2 === 0) socket.end(frame(8, Buffer.from([0x03, 0xe8])));
    else socket.destroy();
  }
  await Promise.all(all);
  process.send({ closed: all.length });
  process.disconnect();
});

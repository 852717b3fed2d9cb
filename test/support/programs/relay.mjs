// node relay.mjs <path> <port>: whoever connects to the socket of that path talks to that port of loopback. A path is the
// same in every network namespace, an address is not. Ends with its standard input.
import { connect, createServer } from "node:net";

const [, , path, port] = process.argv;
createServer((socket) => {
  const there = connect(Number(port), "127.0.0.1");
  for (const [one, other] of [
    [socket, there],
    [there, socket],
  ]) {
    one.on("error", () => other.destroy());
    one.on("close", () => other.destroy());
    one.pipe(other);
  }
}).listen(path, () => process.stdout.write("ready\n"));
process.stdin.on("end", () => process.exit()).resume();

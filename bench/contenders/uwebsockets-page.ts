/** The limit for a start: uWebSockets.js with nothing on top, serving one page on the port that is its argument. */
import { App } from "uWebSockets.js";

const PAGE = "<!doctype html><title>One page</title><h1>Hello</h1>";
const port = Number(process.argv[2]);

App()
  .get("/*", (response) => {
    response.writeHeader("content-type", "text/html; charset=utf-8").end(PAGE);
  })
  .listen("127.0.0.1", port, (listening) => {
    if (listening === false) throw new Error(`Cannot listen on 127.0.0.1:${port} as it is taken`);
  });
process.stdin.on("end", () => process.exit(0)).resume(); // however the bench ends, so does this

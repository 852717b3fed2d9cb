/** The limit for a start: uWebSockets.js with nothing on top, serving the page it is given on the port after it. */
import { App } from "uWebSockets.js";

const [, , page = "", port] = process.argv;

App()
  .get("/*", (response) => {
    response.writeHeader("content-type", "text/html; charset=utf-8").end(page);
  })
  .listen("127.0.0.1", Number(port), (listening) => {
    if (listening === false) throw new Error(`Cannot listen on 127.0.0.1:${port} as it is taken`);
  });
process.stdin.on("end", () => process.exit(0)).resume(); // however the bench ends, so does this

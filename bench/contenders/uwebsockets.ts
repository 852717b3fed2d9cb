/** The limit: uWebSockets.js with nothing on top, echoing the bytes it was lent. */
import { App, us_socket_local_port } from "uWebSockets.js";
import { announce } from "./announce.ts";

App()
  .ws("/*", {
    maxBackpressure: 4 * 1024 * 1024, // bytes: 64 messages of 16 KiB must fit, or it would drop some
    message: (ws, message, isBinary) => {
      ws.send(message, isBinary);
    },
  })
  .listen("127.0.0.1", 0, (listening) => {
    if (listening === false) throw new Error("Cannot listen on 127.0.0.1 as no port is free");
    announce({ port: us_socket_local_port(listening) });
  });

/** The limit: uWebSockets.js with nothing on top, doing a contender's work in its message callback. */
import { App, us_socket_local_port, type WebSocketBehavior } from "uWebSockets.js";
import { announce } from "./announce.ts";
import { count, type Said } from "./said.ts";
import { told } from "./told.ts";

const decoder = new TextDecoder(); // on the lent bytes: the cheapest way to text that there is

const echo: WebSocketBehavior<unknown>["message"] = (ws, message, isBinary) => {
  ws.send(message, isBinary);
};

const json: WebSocketBehavior<unknown>["message"] = (ws, message) => {
  const said: Said = JSON.parse(decoder.decode(message));
  ws.send(JSON.stringify(count(said)), false);
};

const { work } = told();
const isJson = work === "json" || work === "app";

App()
  .ws("/*", {
    maxBackpressure: 4 * 1024 * 1024, // bytes: 64 messages of 16 KiB must fit, or it would drop some
    message: isJson ? json : echo, // beside an `ask` it echoes: it has nobody to ask
  })
  .listen("127.0.0.1", 0, (listening) => {
    if (listening === false) throw new Error("Cannot listen on 127.0.0.1 as no port is free");
    announce({ port: us_socket_local_port(listening) });
  });

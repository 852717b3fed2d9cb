/** The limit: uWebSockets.js with nothing on top. Every socket is subscribed where messages are published. */
import { App, us_socket_local_port } from "uWebSockets.js";
import { announce } from "./announce.ts";
import { answerCrowd, portsFor, toldCrowd } from "./crowd.ts";

const told = toldCrowd();
const publishes = told.does === "publish";
const TOPIC = "room";
let sockets = 0;

const app = App();
app.ws("/*", {
  maxBackpressure: 4 * 1024 * 1024, // bytes: as in contenders/uwebsockets.ts
  open: (ws) => {
    sockets += 1;
    if (publishes) ws.subscribe(TOPIC);
  },
  message: (ws, message, isBinary) => {
    if (publishes) app.publish(TOPIC, message, isBinary);
    else ws.send(message, isBinary);
  },
  close: () => {
    sockets -= 1;
  },
});

const ports: number[] = [];
while (ports.length < portsFor(told)) {
  app.listen("127.0.0.1", 0, (listening) => {
    if (listening === false) throw new Error("Cannot listen on 127.0.0.1 as no port is free");
    ports.push(us_socket_local_port(listening));
  }); // at once, not later
}
announce({ port: ports[0] ?? 0, ports: ports.map(String) });
answerCrowd(() => ({ sockets, channels: sockets }));

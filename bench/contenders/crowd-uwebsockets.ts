/** The limit: uWebSockets.js with nothing on top. Every socket is subscribed where messages are published. */
import { App } from "uWebSockets.js";
import { announce } from "./announce.ts";
import { answerCrowd, portsFor, toldCrowd } from "./crowd.ts";
import { listenOnPorts } from "./uws-ports.ts";

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

const ports = listenOnPorts(app, portsFor(told));
announce({ port: Number(ports[0]), ports });
answerCrowd(() => ({ sockets, channels: sockets }));

/** No actors: a function that is called, or an EventEmitter's listener. What a message costs when nothing is guaranteed. */
import { EventEmitter } from "node:events";
import { type Add, sendInTurns, way } from "./request-meter.ts";

let handled = 0;
const receive = ({ n }: Add): void => {
  handled += n;
};

if (way() === "function") {
  sendInTurns(
    () => receive({ type: "add", n: 1 }), // V8 inlines it, the object too: this is the least there is
    () => handled,
  );
} else {
  const emitter = new EventEmitter();
  emitter.on("add", receive);
  sendInTurns(
    () => emitter.emit("add", { type: "add", n: 1 }),
    () => handled,
  );
}

/**
 * moleculer: an action of a service on this very broker, called and awaited. Defaults, but for the log: stdout is the
 * bench's. By default a call may take forever; `ask-timeout` gives it five seconds, as every request of Jackfield has.
 */
import { type Context, ServiceBroker } from "moleculer";
import { type Add, askInTurns, way } from "../contenders/request-meter.ts";

const ANSWER_MS = 5000;
let handled = 0;
const broker = new ServiceBroker({ logger: false, requestTimeout: way() === "ask-timeout" ? ANSWER_MS : 0 });
broker.createService({
  name: "receiver",
  actions: {
    add({ params }: Context<Add>) {
      handled += params.n;
      return { handled };
    },
  },
});
await broker.start();
await askInTurns(
  () => broker.call("receiver.add", { type: "add", n: 1 }),
  () => handled,
);

/**
 * Jackfield: two inline processes of one package, on a node without a port.
 *
 * - `send`: the sender sends TURN requests that expect nothing; the receiver, when it has handled the last, sends for
 *   more. So nothing is refused, and its mailbox never holds more than one turn.
 * - `ask`: the sender awaits an answer to each.
 *
 * Both by the receiver's address, made once, or `-by-name`. What a node does only outside production (freezing bodies,
 * DESIGN §3.5) is not measured: the bench sets NODE_ENV.
 */
import { createNode } from "../../kernel/index.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { Address, ProcessId } from "../../lib/protocol/index.ts";
import { type Add, askInTurns, Meter, meterJob, TURN, way } from "./request-meter.ts";

const NODE = "bench";
const SENDER = new Address(NODE, ProcessId.parse("sender:bench:sys"));
const RECEIVER = new Address(NODE, ProcessId.parse("receiver:bench:sys"));
const isSend = way().startsWith("send");
const target = way().endsWith("-by-name") ? RECEIVER.id.text : RECEIVER;
let handled = 0;

const sendingReceiver = defineProcess({
  onRequest(_state, { body }, ctx) {
    handled += (body as Add).n; // nobody else sends here
    if (handled % TURN === 0) ctx.request(SENDER).body({ type: "more" }).send();
  },
});

const sender = defineProcess<Meter>({
  init(ctx) {
    ctx.request(SENDER).body({ type: "more" }).send();
    return new Meter(meterJob());
  },
  onRequest(meter, _more, ctx) {
    if (!meter.goesOn(handled)) return;
    for (let i = 0; i < TURN; i += 1) ctx.request(target).body({ type: "add", n: 1 }).send();
  },
});

const answeringReceiver = defineProcess({
  onRequest(_state, { body }, ctx) {
    handled += (body as Add).n; // nobody else sends here
    ctx.respond({ handled });
  },
});

const asker = defineProcess({
  init(ctx) {
    ctx.request(SENDER).body({ type: "begin" }).send();
  },
  onRequest(_state, _begin, ctx) {
    const ask = (): Promise<unknown> => ctx.request(target).body({ type: "add", n: 1 }).sendAndAwaitResponse();
    return askInTurns(ask, () => handled);
  },
});

const node = createNode({ name: NODE });
node.addProcess(RECEIVER.id, isSend ? sendingReceiver : answeringReceiver);
node.addProcess(SENDER.id, isSend ? sender : asker);

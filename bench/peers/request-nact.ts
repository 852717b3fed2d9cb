/**
 * nact: two actors that dispatch, or a query per message. Either way it handles one message per event-loop iteration
 * and actor (setImmediate).
 */
import { dispatch, query, type Ref, spawn, start } from "nact";
import { type Add, askInTurns, Meter, meterJob, TURN, way } from "../contenders/request-meter.ts";

const ANSWER_MS = 5000; // as long as Jackfield waits unless told otherwise
const system = start();
let handled = 0;

if (way() === "send") {
  const meter = new Meter(meterJob());
  const sender: Ref<"more"> = spawn(system, (_state: undefined, _more: "more"): undefined => {
    if (!meter.goesOn(handled)) return;
    for (let i = 0; i < TURN; i += 1) dispatch(receiver, { type: "add", n: 1 });
  });
  const receiver: Ref<Add> = spawn(system, (_state: undefined, { n }: Add): undefined => {
    handled += n;
    if (handled % TURN === 0) dispatch(sender, "more");
  });
  dispatch(sender, "more");
} else {
  type Question = Add & { readonly asker: Ref<{ readonly handled: number }> };
  const receiver: Ref<Question> = spawn(system, (_state: undefined, { n, asker }: Question): undefined => {
    handled += n;
    dispatch(asker, { handled });
  });
  const ask = (): Promise<unknown> => query(receiver, (asker) => ({ type: "add", n: 1, asker }), ANSWER_MS);
  await askInTurns(ask, () => handled);
}

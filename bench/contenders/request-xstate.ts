/**
 * XState: two actors; the sender's machine sends TURN events with `sendTo` in one transition, the receiver is of the
 * cheapest kind that has state (fromTransition). It handles each event before the sender's `send` returns.
 */
import { createActor, enqueueActions, fromTransition, setup } from "xstate";
import { type Add, Meter, meterJob, TURN } from "./request-meter.ts";

const receiver = createActor(
  fromTransition((state: { readonly handled: number }, { n }: Add) => ({ handled: state.handled + n }), { handled: 0 }),
);

const machine = setup({
  types: { events: {} as { readonly type: "more" } },
  actions: {
    sendTurn: enqueueActions(({ enqueue }) => {
      for (let i = 0; i < TURN; i += 1) enqueue.sendTo(receiver, { type: "add", n: 1 });
    }),
  },
}).createMachine({ on: { more: { actions: "sendTurn" } } });

receiver.start();
const sender = createActor(machine).start();
const meter = new Meter(meterJob());
do {
  sender.send({ type: "more" });
} while (meter.goesOn(receiver.getSnapshot().context.handled));

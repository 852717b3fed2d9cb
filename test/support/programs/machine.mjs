/** A doorbell that counts: a machine as a process, kept beyond its end. */
import { fromMachine } from "jackfield/process";
import { assign, emit, setup } from "xstate";

const machine = setup({}).createMachine({
  context: { rings: 0 },
  on: {
    open: { actions: emit(({ event }) => ({ type: "subscribe", channelId: event.channelId, topic: "house" })) },
    push: {
      actions: [
        assign({ rings: ({ context }) => context.rings + 1 }),
        emit(({ context }) => ({ type: "publish", topic: "house", value: { rings: context.rings } })),
      ],
    },
    request: {
      actions: [
        ({ event }) => {
          if (event.body.type === "crash") throw new Error("on purpose");
        },
        emit(({ context }) => ({ type: "respond", body: { rings: context.rings } })),
      ],
    },
  },
});

export default fromMachine(machine, {
  persist: true,
  init: async (ctx) => void (await ctx.bindWs("/", { authenticated: false })),
});

/**
 * chat-machine: the room of chat.ts written as a state machine; same page, same messages, a room of its own.
 *
 *   empty ── open ──▶ occupied ── close of the last ──▶ empty
 *     └── nobody for FORGET_MS: the history is forgotten
 *
 * Needs  to message http-server:distro:sys.
 * State  the snapshot, durable, and how long the room has been empty. After a restart live channels are opened anew.
 */
import { fromMachine, type MachineEffect, type MachineEvent } from "jackfield/process";
import { assign, enqueueActions, setup } from "xstate";
import { guestName, isTaken, REFUSAL, type Room, readAsk, type Said, withName, without, withSaid } from "./room.ts";

const ROOM = "room"; // the topic that everyone in it subscribes to
const FORGET_MS = 24 * 3600 * 1000; // a day: what was said is of no use to who comes later

const NOBODY: Room["people"] = new Map();

export const chatMachine = setup({
  types: { context: {} as Room, events: {} as MachineEvent, emitted: {} as MachineEffect },
  actions: {
    forgetPeople: assign({ people: NOBODY }), // those still connected are opened anew
    leave: enqueueActions(({ context, event, enqueue }) => {
      if (event.type !== "close") return;
      const room = without(context, event.channelId);
      const who = context.people.get(event.channelId);
      enqueue.assign(room);
      enqueue.emit({ type: "publish", topic: ROOM, value: { type: "left", who, members: room.people.size } });
    }),
  },
  delays: { forget: FORGET_MS },
  guards: {
    isLast: ({ context, event }) =>
      event.type === "close" && context.people.has(event.channelId) && context.people.size === 1,
  },
}).createMachine({
  id: "chat",
  context: { history: [], people: NOBODY },
  initial: "empty",
  states: {
    empty: { after: { forget: { actions: assign({ history: [] }) } } },
    occupied: { on: { restored: { target: "empty", actions: "forgetPeople" } } },
  },
  on: {
    restored: { actions: "forgetPeople" },
    open: {
      target: ".occupied",
      actions: enqueueActions(({ context, event: { channelId }, enqueue }) => {
        const you = guestName(channelId);
        const room = withName(context, channelId, you);
        enqueue.assign(room);
        enqueue.emit({ type: "push", channelId, value: { type: "welcome", you, members: room.people.size } });
        for (const said of room.history) enqueue.emit({ type: "push", channelId, value: said });
        enqueue.emit({ type: "publish", topic: ROOM, value: { type: "joined", who: you, members: room.people.size } });
        enqueue.emit({ type: "subscribe", channelId, topic: ROOM }); // after the publish: nobody is told of their own arrival
      }),
    },
    push: {
      guard: ({ event }) => event.messageType === "Text" || event.messageType === "Binary",
      actions: enqueueActions(({ context, event: { channelId, data, at }, enqueue }) => {
        const who = context.people.get(channelId) ?? guestName(channelId);
        const ask = readAsk(data);
        const refuse = (reason: string): void =>
          enqueue.emit({ type: "push", channelId, value: { type: "refused", reason } });
        if (ask === undefined) return refuse(REFUSAL);
        if (ask.type === "say") {
          const said: Said = { type: "said", from: who, text: ask.text, at };
          enqueue.assign(withSaid(context, said));
          return enqueue.emit({ type: "publish", topic: ROOM, value: said });
        }
        if (ask.name === who) return undefined;
        if (isTaken(context, ask.name)) return refuse(`somebody here is called ${ask.name}`);
        enqueue.assign(withName(context, channelId, ask.name));
        return enqueue.emit({ type: "publish", topic: ROOM, value: { type: "renamed", from: who, to: ask.name } });
      }),
    },
    close: [{ guard: "isLast", target: ".empty", actions: "leave" }, { actions: "leave" }],
  },
});

export default fromMachine(chatMachine, {
  persist: true,
  async init(ctx) {
    await ctx.serveUi("ui");
    await ctx.bindWs("/");
  },
});

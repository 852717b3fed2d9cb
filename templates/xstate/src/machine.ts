/**
 * The timer, without anything of a process in it:
 *
 *   idle ── start ──▶ running ── its time is over ──▶ ringing
 *     ▲                  │                               │
 *     └────── stop ──────┴───────────── stop ────────────┘
 */
import type { MachineEffect, MachineEvent } from "jackfield/process";
import { assign, enqueueActions, setup } from "xstate";

/** `endsAt`: milliseconds since the Unix epoch; null: it does not run. */
export type Timer = { readonly seconds: number; readonly endsAt: number | null };

const TOPIC = "timer"; // every channel subscribes to it
const SECONDS_MAX = 24 * 3600;

/** A client may send anything: what is no command is undefined. */
export function readCommand(data: unknown): { readonly start: number } | "stop" | undefined {
  if (data === "stop") return "stop";
  const start = typeof data === "object" && data !== null && "start" in data ? data.start : undefined;
  return typeof start === "number" && start >= 1 && start <= SECONDS_MAX ? { start } : undefined;
}

function seconds(data: unknown): number | undefined {
  const command = readCommand(data);
  return typeof command === "object" ? command.start : undefined;
}

export const machine = setup({
  types: { context: {} as Timer, events: {} as MachineEvent, emitted: {} as MachineEffect },
  delays: { over: ({ context }) => context.seconds * 1000 },
  guards: {
    isStart: ({ event }) => event.type === "push" && seconds(event.data) !== undefined,
    isStop: ({ event }) => event.type === "push" && readCommand(event.data) === "stop",
  },
  actions: {
    set: assign(({ context, event }) => {
      if (event.type !== "push") return context;
      const wanted = seconds(event.data) ?? context.seconds;
      return { seconds: wanted, endsAt: event.at + wanted * 1000 };
    }),
    reset: assign({ endsAt: null }),
    tellIdle: enqueueActions(({ enqueue }) =>
      enqueue.emit({ type: "publish", topic: TOPIC, value: { state: "idle" } }),
    ),
    tellRunning: enqueueActions(({ context, enqueue }) =>
      enqueue.emit({ type: "publish", topic: TOPIC, value: { state: "running", endsAt: context.endsAt } }),
    ),
    tellRinging: enqueueActions(({ enqueue }) =>
      enqueue.emit({ type: "publish", topic: TOPIC, value: { state: "ringing" } }),
    ),
    welcome: enqueueActions(({ event, context, self, enqueue }) => {
      if (event.type !== "open") return;
      const { channelId } = event;
      enqueue.emit({ type: "subscribe", channelId, topic: TOPIC });
      const { value: state } = self.getSnapshot();
      enqueue.emit({ type: "push", channelId, value: { state, endsAt: context.endsAt } });
    }),
  },
}).createMachine({
  id: "timer",
  context: { seconds: 0, endsAt: null },
  initial: "idle",
  on: { open: { actions: "welcome" } },
  states: {
    idle: {
      entry: ["reset", "tellIdle"],
      on: { push: { guard: "isStart", target: "running", actions: "set" } },
    },
    running: {
      entry: "tellRunning",
      after: { over: "ringing" },
      on: { push: { guard: "isStop", target: "idle" } },
    },
    ringing: {
      entry: "tellRinging",
      on: {
        push: [
          { guard: "isStop", target: "idle" },
          { guard: "isStart", target: "running", actions: "set" },
        ],
      },
    },
  },
});

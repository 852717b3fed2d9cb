/**
 * The life of a channel's connection, as a table in the shape xstate's createMachine takes; xstate is not shipped.
 *
 *   idle ──CONNECT──▶ connecting ──UPGRADED──▶ registering ──BOUND──▶ open
 *                      ▲   │  └──────────BOUND (path-bound)───────────▶ │
 *                   CONNECT└─────LOST────┐       LOST│              LOST│
 *                      └──────────────── waiting ◀───┴──────────────────┘
 *   from every state: CLOSE (by its owner) or ENDED (not to come back) ──▶ closed, for good
 *
 * 1. An event that the state does not list changes nothing: it came too late.
 * 2. Messages do not pass through the machine.
 */

export type ChannelState = "idle" | "connecting" | "registering" | "open" | "waiting" | "closed";

/**
 * - `CONNECT`: a socket is being opened. - `UPGRADED`: it is open, a WsRegister was sent.
 * - `BOUND`: the node knows whose channel this is. - `LOST`: the socket ended, another will be opened.
 * - `ENDED`: the socket ended, none will be opened. - `CLOSE`: the owner called close().
 */
export type ChannelEvent = "CONNECT" | "UPGRADED" | "BOUND" | "LOST" | "ENDED" | "CLOSE";

type StateNode = {
  readonly type?: "final";
  readonly on?: { readonly [Event in ChannelEvent]?: ChannelState };
};

const over = { ENDED: "closed", CLOSE: "closed" } as const;

export const CHANNEL_MACHINE: {
  readonly id: string;
  readonly initial: ChannelState;
  readonly states: Readonly<Record<ChannelState, StateNode>>;
} = {
  id: "channel",
  initial: "idle",
  states: {
    idle: { on: { CONNECT: "connecting", ...over } },
    connecting: { on: { UPGRADED: "registering", BOUND: "open", LOST: "waiting", ...over } },
    registering: { on: { BOUND: "open", LOST: "waiting", ...over } },
    open: { on: { LOST: "waiting", ...over } },
    waiting: { on: { CONNECT: "connecting", ...over } },
    closed: { type: "final" },
  },
};

/** The state after `event`, or undefined when `state` does not take it. */
export function nextState(state: ChannelState, event: ChannelEvent): ChannelState | undefined {
  return CHANNEL_MACHINE.states[state].on?.[event];
}

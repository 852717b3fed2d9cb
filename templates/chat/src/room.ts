/** The room itself: what was said, who is there, and what a client may ask. No process in it: plain values and functions. */

/** `at`: milliseconds since the Unix epoch, by the node's clock. */
export type Said = { readonly from: string; readonly text: string; readonly at: number };

export type Room = {
  /** Oldest first, at most HISTORY_MAX. */
  readonly history: readonly Said[];
  /** Names by channel. */
  readonly people: ReadonlyMap<number, string>;
};

export type Ask = { readonly type: "say"; readonly text: string } | { readonly type: "name"; readonly name: string };

const TEXT_MAX = 500; // characters
const NAME_MAX = 24; // characters
const HISTORY_MAX = 50; // messages a newcomer is shown

/** A client may send anything: it stays unknown until it has passed here. */
export function readAsk(value: unknown): Ask | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { type, text, name } = value as Readonly<Record<string, unknown>>;
  if (type === "say" && isText(text, TEXT_MAX)) return { type, text };
  if (type === "name" && isText(name, NAME_MAX)) return { type, name };
  return undefined;
}

export function nameOf(room: Room, channelId: number): string {
  return room.people.get(channelId) ?? `guest-${channelId % 10_000}`;
}

export function withSaid(room: Room, said: Said): Room {
  return { ...room, history: [...room.history, said].slice(-HISTORY_MAX) };
}

export function withName(room: Room, channelId: number, name: string): Room {
  return { ...room, people: new Map([...room.people, [channelId, name]]) };
}

export function without(room: Room, channelId: number): Room {
  return { ...room, people: new Map([...room.people].filter(([id]) => id !== channelId)) };
}

function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && value.trim().length >= 1 && value.length <= max;
}

/** What lobby and rooms share: who is who, and what a client may ask. */

export const ROOMS = ["red", "blue"] as const;
export type RoomName = (typeof ROOMS)[number];

/** What goes along with a channel that is handed over. */
export type Player = { readonly name: string };

const NAME_MAX = 24; // characters
const TEXT_MAX = 500; // characters

export const JOIN = `send {"type":"join","room","name"} with one of ${ROOMS.join(", ")} and a name of 1 to ${NAME_MAX} characters`;
export const SPEAK = `send {"type":"say","text"} with 1 to ${TEXT_MAX} characters, or {"type":"leave"}`;

type Fields = Readonly<Record<string, unknown>>;

export function readJoin(value: unknown): { readonly room: RoomName; readonly name: string } | undefined {
  const { type, room, name } = fieldsOf(value);
  const known = ROOMS.find((one) => one === room);
  return type === "join" && known !== undefined && isText(name, NAME_MAX) ? { room: known, name } : undefined;
}

/** @returns null: the player wants to leave */
export function readSpeak(value: unknown): string | null | undefined {
  const { type, text } = fieldsOf(value);
  if (type === "leave") return null;
  return type === "say" && isText(text, TEXT_MAX) ? text : undefined;
}

/** The note of a channel, which is another process's word: looked at before it is believed. */
export function readPlayer(note: unknown): Player | undefined {
  const { name } = fieldsOf(note);
  return isText(name, NAME_MAX) ? { name } : undefined;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && value.trim().length >= 1 && value.length <= max;
}

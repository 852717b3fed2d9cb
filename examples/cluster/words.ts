/** What pages and rooms say to each other. Either may be sent anything: it stays unknown until it has passed here. */

/** `node` is where it was said; `at`: milliseconds since the Unix epoch, by that node's clock. */
export type Said = { readonly node: string; readonly from: string; readonly text: string; readonly at: number };

/** From a page. */
export type Ask = { readonly type: "say"; readonly text: string } | { readonly type: "name"; readonly name: string };

/** From the room of another node. */
export type Word =
  /** Who is there. `isNew`: it has no history, and wants one in answer. */
  | { readonly type: "here"; readonly names: readonly string[]; readonly isNew: boolean }
  | { readonly type: "said"; readonly from: string; readonly text: string; readonly at: number };

const TEXT_MAX = 500; // characters
const NAME_MAX = 24; // characters
export const HISTORY_MAX = 50; // messages a newcomer is shown

export const REFUSAL = `send {"type":"say","text"} with 1 to ${TEXT_MAX} characters, or {"type":"name","name"} with 1 to ${NAME_MAX}`;

type Fields = Readonly<Record<string, unknown>>;

export function readAsk(value: unknown): Ask | undefined {
  const { type, text, name } = fieldsOf(value);
  if (type === "say" && isText(text, TEXT_MAX)) return { type, text };
  if (type === "name" && isText(name, NAME_MAX)) return { type, name };
  return undefined;
}

export function readWord(value: unknown): Word | undefined {
  const { type, names, isNew, from, text, at } = fieldsOf(value);
  if (type === "here" && isList(names, (name): name is string => isText(name, NAME_MAX)))
    return { type, names, isNew: isNew === true };
  if (type === "said" && isText(from, NAME_MAX) && isText(text, TEXT_MAX) && typeof at === "number")
    return { type, from, text, at };
  return undefined;
}

/** What a room that is new was answered. */
export function readHistory(value: unknown): readonly Said[] {
  const isSaid = (said: unknown): said is Said => {
    const { node, from, text, at } = fieldsOf(said);
    return typeof node === "string" && isText(from, NAME_MAX) && isText(text, TEXT_MAX) && typeof at === "number";
  };
  return isList(value, isSaid) ? value.slice(-HISTORY_MAX) : [];
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && value.trim().length >= 1 && value.length <= max;
}

function isList<Item>(value: unknown, isItem: (item: unknown) => item is Item): value is readonly Item[] {
  return Array.isArray(value) && value.every(isItem);
}

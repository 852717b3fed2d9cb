/** A value as people are shown it: JSON-shaped whatever it is, and never more than a page. */

const DEPTH_MAX = 4;
const ITEMS_MAX = 20; // of a list, or fields of an object
const TEXT_MAX = 500; // characters

/** What was left out shows as `…`. */
export function shown(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return cut(value);
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  if (typeof value !== "object") return value === undefined ? null : cut(String(value));
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (depth === DEPTH_MAX) return "…";
  if (Array.isArray(value)) {
    const items = value.slice(0, ITEMS_MAX).map((item) => shown(item, depth + 1));
    return value.length > ITEMS_MAX ? [...items, "…"] : items;
  }
  const fields: Record<string, unknown> = {};
  let left = ITEMS_MAX;
  for (const key in value) {
    if (left-- === 0) {
      fields["…"] = "…";
      break;
    }
    fields[cut(key)] = shown((value as Readonly<Record<string, unknown>>)[key], depth + 1);
  }
  return fields;
}

function cut(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}…`;
}

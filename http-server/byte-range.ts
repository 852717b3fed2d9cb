/**
 * Which part of some bytes a Range header names (RFC 9110 §14).
 *
 * One range only. Of several, the whole is sent, as the RFC allows: one part after the other would be a body of its own
 * kind that hardly any client asks for, and many small ranges of a large file have brought servers down (CVE-2011-3192).
 */

/** Both included. */
export type ByteRange = { readonly first: number; readonly last: number };

const RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/** @returns "all" when it is none or not understood; "none" when there are no such bytes */
export function readRange(header: string | undefined, size: number): ByteRange | "all" | "none" {
  const [, from = "", to = ""] = RANGE.exec(header ?? "") ?? [];
  if (from === "" && to === "") return "all";
  if (from === "") {
    const length = Math.min(Number(to), size); // of its end
    return length === 0 ? "none" : { first: size - length, last: size - 1 };
  }
  const first = Number(from);
  const last = to === "" ? size - 1 : Number(to);
  if (to !== "" && last < first) return "all"; // no range at all
  return first >= size ? "none" : { first, last: Math.min(last, size - 1) };
}

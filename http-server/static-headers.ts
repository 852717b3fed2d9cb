/** Headers that a process gives to content it binds: any value in, lines that can be sent or undefined out. */
import { isHeader } from "./http-answer.ts";
import type { HeaderList } from "./transport/transport.ts";

/** What static-answer.ts says itself, the type too: it is the blob's. */
const RESERVED = ["accept-ranges", "content-range", "content-type", "date", "etag"];

/** @returns undefined when one of them cannot be sent, or is not a process's to say */
export function readContentHeaders(given: unknown): HeaderList | undefined {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
  const lines: [string, string][] = [];
  for (const [name, values] of Object.entries(given)) {
    for (const value of Array.isArray(values) ? values : [values]) {
      if (typeof value !== "string" || !isHeader(name, value) || RESERVED.includes(name.toLowerCase()))
        return undefined;
      lines.push([name.toLowerCase(), value]);
    }
  }
  return lines;
}

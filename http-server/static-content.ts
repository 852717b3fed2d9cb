/** Content that a process bound once and is not asked for again (contract kinode §5.4). */
import type { Blob } from "../lib/protocol/index.ts";
import { isHeader } from "./http-answer.ts";
import { NOSNIFF } from "./security-headers.ts";
import type { HeaderList, TransportResponse } from "./transport/transport.ts";

/** @param headers the server's own, beside the content's */
export function sendContent(response: TransportResponse, content: Blob, headers: HeaderList): void {
  response.send(200, [["content-type", mimeOf(content)], NOSNIFF, ...headers], content.bytes());
}

function mimeOf({ mime }: Blob): string {
  return mime !== null && isHeader("content-type", mime) ? mime : "text/plain";
}

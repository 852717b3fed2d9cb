/** Answers of the server's own making. */
import { header } from "./headers.ts";
import { TEXT_HEADERS } from "./security-headers.ts";
import { NOSNIFF } from "./transport/http-check.ts";
import type { HeaderList, TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

/** 404, 403, …: no body, and the type that the contract has (kinode §5.4). */
export function sendEmpty(response: TransportResponse, status: number, headers: HeaderList = []): void {
  response.send(status, [["content-type", "application/octet-stream"], NOSNIFF, ...headers], "");
}

/** A sentence for people. */
export function sendText(response: TransportResponse, status: number, text: string, headers: HeaderList = []): void {
  response.send(status, [...TEXT_HEADERS, ["cache-control", "no-store"], ...headers], `${text}\n`);
}

export function sendJson(response: TransportResponse, status: number, value: unknown, headers: HeaderList = []): void {
  response.send(
    status,
    [["content-type", "application/json"], ["cache-control", "no-store"], NOSNIFF, ...headers],
    JSON.stringify(value),
  );
}

/** Whether the client shows pages: a browser that navigates names text/html. */
export function wantsHtml(request: Visit): boolean {
  return (
    (request.method === "GET" || request.method === "HEAD") && (header(request, "accept") ?? "").includes("text/html")
  );
}

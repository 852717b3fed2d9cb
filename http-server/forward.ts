/**
 * An HTTP request as a message to the process that bound its path, and the process's answer back (contract kinode §5.2).
 *
 * It answers within httpSeconds, or the client gets 408; 503 at once when it is gone or overloaded.
 */
import { LimitError, type Process } from "../kernel/index.ts";
import { Blob, Envelope, type Host, type HttpRequest, type SendErrorKind } from "../lib/protocol/index.ts";
import type { HttpBinding } from "./bindings.ts";
import { withoutSession } from "./cookies.ts";
import { hostName } from "./headers.ts";
import { readAnswer } from "./http-answer.ts";
import { sendEmpty } from "./http-exchange.ts";
import type { HttpServerLimits } from "./limits.ts";
import type { Match } from "./router.ts";
import type { HeaderList, TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

/** What waits for a process's answer. @property headers the server's own, beside the process's */
export type Exchange = { readonly response: TransportResponse; readonly headers: HeaderList };

export class Forward {
  readonly #limits: HttpServerLimits;
  readonly #host: () => Host;

  /** @param host the http-server's calls; a new one after each restart of it */
  constructor(limits: HttpServerLimits, host: () => Host) {
    this.#limits = limits;
    this.#host = host;
  }

  /** Asks the process of `match`. */
  send(request: Visit, exchange: Exchange, match: Match<HttpBinding>): void {
    exchange.response.readBody(this.#limits.httpBodyBytes, (bytes) => {
      if (bytes === null) return sendEmpty(exchange.response, 413, [["connection", "close"]]);
      this.#ask(match.value.owner, { Http: describe(request, match) }, Blob.of(bytes), exchange);
    });
  }

  /** The process answered, or its request ended without. */
  answered(message: Envelope): void {
    const { response, headers } = message.context as Exchange; // put there by #ask
    if (message.kind === "error")
      return sendEmpty(response, STATUS[message.error ?? "Offline"], retryOf(message.error));
    const answer = readAnswer(message.body);
    if (answer === undefined) return sendEmpty(response, 500);
    const type = answer.headers.some(([name]) => name.toLowerCase() === "content-type") ? [] : [OCTETS];
    response.send(answer.status, [...type, ...answer.headers, ...headers], message.blob?.bytes() ?? "");
  }

  #ask(owner: Process, body: unknown, blob: Blob, exchange: Exchange): void {
    const server = this.#host();
    const event = new Envelope("request", server.our, owner.address, body, blob);
    event.expectsResponse = this.#limits.httpSeconds;
    event.context = exchange;
    try {
      server.send(event);
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      sendEmpty(exchange.response, 503, [["retry-after", "1"]]); // limits.pendingRequests
    }
  }
}

const OCTETS = ["content-type", "application/octet-stream"] as const;

const STATUS: Record<SendErrorKind, number> = { Timeout: 408, Offline: 503, Overloaded: 503, Denied: 503 };

function retryOf(error: SendErrorKind | null): HeaderList {
  return error === "Overloaded" ? [["retry-after", "1"]] : [];
}

function describe(request: Visit, match: Match<HttpBinding>): HttpRequest {
  const headers: Record<string, string> = {};
  for (const [name, value] of request.headers) headers[name] = value; // the last of several (contract kinode §5.2)
  if (headers.cookie !== undefined) headers.cookie = withoutSession(headers.cookie);
  return {
    source_socket_addr: `${request.remoteAddress}:${request.remotePort}`,
    method: request.method,
    url: `http://${hostOf(request)}${request.path}`,
    bound_path: match.pattern,
    headers,
    url_params: { ...match.params },
    query_params: Object.fromEntries(new URLSearchParams(request.query)),
    ...(request.secure ? { secure: true } : {}),
  };
}

/** What the client called this node; "localhost" for what is no host: processes parse the url and must not fail at it. */
function hostOf(request: Visit): string {
  const host = hostName(request.host);
  return /^[\w.-]+$|^\[[\da-f:.]+\]$/i.test(host) && URL.canParse(`http://${host}`) ? host : "localhost";
}

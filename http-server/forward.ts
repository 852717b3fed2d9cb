/**
 * An HTTP request as a message to the process that bound its path, and the process's answer back (contract kinode §5.2).
 *
 * It answers within httpSeconds, or the client gets 408; 503 at once when it is gone or overloaded. Where it reads the
 * body itself, these seconds begin anew with each read (http-stream.ts).
 */
import { LimitError, type Process } from "../kernel/index.ts";
import {
  Blob,
  type Envelope,
  type EventWriter,
  type Host,
  type HttpRequest,
  type HttpServerRequest,
  type SendErrorKind,
} from "../lib/protocol/index.ts";
import { withoutCredentials, withoutToken, withoutTokenIn } from "./bearer-token.ts";
import type { HttpBinding } from "./bindings.ts";
import { withOwn } from "./cache-control.ts";
import { withoutSession } from "./cookies.ts";
import { hostName } from "./headers.ts";
import { readAnswer } from "./http-answer.ts";
import { sendEmpty } from "./http-exchange.ts";
import { type Exchange, sendTooLarge } from "./http-stream.ts";
import type { HttpStreams } from "./http-streams.ts";
import type { HttpServerLimits } from "./limits.ts";
import type { Match } from "./router.ts";
import type { HeaderList, TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

export class Forward {
  readonly #limits: HttpServerLimits;
  readonly #streams: HttpStreams;
  readonly #host: () => Host;
  readonly #events: EventWriter;

  /** @param host the http-server's calls; a new one after each restart of it */
  constructor(limits: HttpServerLimits, streams: HttpStreams, host: () => Host, events: EventWriter) {
    this.#limits = limits;
    this.#streams = streams;
    this.#host = host;
    this.#events = events;
  }

  /** Asks the process of `match`. @param headers the server's own, beside the process's */
  send(request: Visit, response: TransportResponse, headers: HeaderList, match: Match<HttpBinding>): void {
    const { owner, streamBody } = match.value;
    const { httpBodyBytes, httpSeconds } = this.#limits;
    const exchange: Exchange = { response, headers, streamId: this.#streams.nextId(), event: null };
    const body = { Http: describe(request, match, exchange.streamId) };
    if (!streamBody) {
      response.readBody(httpBodyBytes, (bytes) => {
        if (bytes === null) sendTooLarge(response, httpBodyBytes);
        else this.#ask(owner, body, Blob.of(bytes), exchange, httpSeconds);
      });
    } else if (this.#streams.isFull) sendEmpty(response, 503, RETRY);
    else if (this.#streams.receive(owner, exchange))
      this.#ask(owner, body, Blob.of(""), exchange, this.#streams.readingSeconds);
  }

  /** The process answered, or its request ended without. */
  answered(message: Envelope): void {
    const exchange = message.context as Exchange; // put there by #ask
    const { response, headers } = exchange;
    const answer = message.kind === "error" ? undefined : readAnswer(message.body);
    if (answer?.isStream === true) {
      const typed = { ...answer, headers: withType(answer.headers) };
      if (!this.#streams.begin(message.source, exchange, typed, message.blob)) sendEmpty(response, 503, RETRY);
      return;
    }
    this.#streams.answered(exchange.streamId);
    if (message.kind === "error") sendEmpty(response, STATUS[message.error ?? "Offline"], retryOf(message.error));
    else if (answer === undefined) sendEmpty(response, 500);
    else response.send(answer.status, withOwn(withType(answer.headers), headers), message.blob?.keep().bytes() ?? "");
  }

  #ask(owner: Process, body: HttpServerRequest, blob: Blob, exchange: Exchange, seconds: number): void {
    const server = this.#host();
    const event = this.#events.event(owner.dialect, owner.address, body, blob);
    event.expectsResponse = seconds;
    event.context = exchange;
    this.#streams.asks(exchange, event);
    try {
      server.send(event);
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      this.#streams.answered(exchange.streamId);
      sendEmpty(exchange.response, 503, RETRY); // limits.pendingRequests
    }
  }
}

const RETRY: HeaderList = [["retry-after", "1"]];

function withType(headers: HeaderList): HeaderList {
  return headers.some(([name]) => name.toLowerCase() === "content-type") ? headers : [OCTETS, ...headers];
}

const OCTETS = ["content-type", "application/octet-stream"] as const;

const STATUS: Record<SendErrorKind, number> = { Timeout: 408, Offline: 503, Overloaded: 503, Denied: 503 };

function retryOf(error: SendErrorKind | null): HeaderList {
  return error === "Overloaded" ? RETRY : [];
}

function describe(request: Visit, match: Match<HttpBinding>, streamId: number): HttpRequest {
  const { owner, gate, streamBody } = match.value;
  const hasToken = gate?.wantsToken === true; // which is nobody else's to know: a body may end as a dead letter
  const told = hasToken ? withoutCredentials(request.headers) : request.headers;
  const list = told.map((header) => (header[0] === "cookie" ? withoutLogin(header) : header));
  const headers: Record<string, string> = {};
  for (const [name, value] of list) headers[name] = value; // the last of several (contract kinode §5.2)
  const query = [...new URLSearchParams(hasToken ? withoutToken(request.query) : request.query)];
  const path = hasToken ? withoutTokenIn(request.path, match.pattern, owner.address.id.text) : request.path;
  const params = { ...match.params };
  if (hasToken) delete params.token;
  return {
    source_socket_addr: `${request.remoteAddress}:${request.remotePort}`,
    method: request.method,
    url: `http://${hostOf(request)}${path}`,
    bound_path: match.pattern,
    headers,
    url_params: params,
    query_params: Object.fromEntries(query),
    header_list: list,
    query_list: query,
    stream_id: streamId,
    stream_body: streamBody,
    ...(request.secure ? { secure: true } : {}),
  };
}

function withoutLogin([name, cookies]: readonly [string, string]): readonly [string, string] {
  return [name, withoutSession(cookies)];
}

/** What the client called this node; "localhost" for what is no host: processes parse the url and must not fail at it. */
function hostOf(request: Visit): string {
  const host = hostName(request.host);
  return /^[\w.-]+$|^\[[\da-f:.]+\]$/i.test(host) && URL.canParse(`http://${host}`) ? host : "localhost";
}

/** HTTP as the harness asks and answers it. */
import type { Address, Blob, BlobLike, Envelope, HttpHeaders, HttpRequest, SendError } from "../../protocol/index.ts";
import { decode } from "../decode.ts";

export type HttpAsk = {
  /** Default GET. */
  readonly method?: string;
  /** Without the process id before it. Default `/`. */
  readonly path?: string;
  /** What was bound, when it has parameters; default: `path`. */
  readonly boundPath?: string;
  readonly urlParams?: Readonly<Record<string, string>>;
  /** Several values of one name come as several parameters. */
  readonly query?: HttpHeaders;
  /** Names in lower case. */
  readonly headers?: HttpHeaders;
  readonly body?: BlobLike;
};

export type HttpAnswer = {
  readonly status: number;
  readonly headers: HttpHeaders;
  /** Parsed JSON, else text, else bytes. */
  readonly data: unknown;
  readonly blob: Blob | null;
  /** Of a streamed answer: false when the process cut it. */
  readonly isWhole?: boolean;
};

/** What the http-server tells a process of a request. @param streamBody it reads the body itself */
export function httpBody(our: Address, ask: HttpAsk, streamId: number, streamBody: boolean): HttpRequest {
  const { method = "GET", path = "/", boundPath = path, urlParams = {}, query = {}, headers = {} } = ask;
  const headerList = listOf({ host: "localhost", ...headers });
  const queryList = listOf(query);
  return {
    source_socket_addr: "127.0.0.1:50000",
    method,
    url: `http://localhost/${our.id.text}${path}`,
    bound_path: `/${our.id.text}${boundPath}`,
    headers: Object.fromEntries(headerList), // the last of several
    url_params: { ...urlParams },
    query_params: Object.fromEntries(queryList),
    header_list: headerList,
    query_list: queryList,
    stream_id: streamId,
    stream_body: streamBody,
  };
}

function listOf(values: HttpHeaders): readonly (readonly [string, string])[] {
  return Object.entries(values).flatMap(([name, given]) =>
    (typeof given === "string" ? [given] : given).map((value) => [name, value] as const),
  );
}

/** A file that was bound as static content. */
export function fileAnswer(file: Blob): HttpAnswer {
  return { status: 200, headers: { "Content-Type": file.mime ?? "text/plain" }, data: decode(file), blob: file };
}

/** What a client gets for a process's answer: 500 when that is no HttpResponse (contract kinode §5.4). */
export function processAnswer({ body, blob }: Pick<Envelope, "body" | "blob">): HttpAnswer {
  const { status, headers = {} } = (body ?? {}) as Partial<Pick<HttpAnswer, "status" | "headers">>;
  if (!Number.isInteger(status) || status === undefined || status < 200 || status > 999)
    return { status: 500, headers: {}, data: undefined, blob: null };
  return { status, headers, data: blob === null ? undefined : decode(blob), blob };
}

/** What a client gets when there was no answer. */
export function errorAnswer({ kind }: SendError): HttpAnswer {
  return { status: kind === "Timeout" ? 408 : 503, headers: {}, data: undefined, blob: null };
}

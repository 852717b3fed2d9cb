/** HTTP as the harness asks and answers it. */
import type { Address, Blob, BlobLike, Envelope, HttpRequest, SendError } from "../../protocol/index.ts";
import { decode } from "../decode.ts";

export type HttpAsk = {
  /** Default GET. */
  readonly method?: string;
  /** Without the process id before it. Default `/`. */
  readonly path?: string;
  /** What was bound, when it has parameters; default: `path`. */
  readonly boundPath?: string;
  readonly urlParams?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BlobLike;
};

export type HttpAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, else text, else bytes. */
  readonly data: unknown;
  readonly blob: Blob | null;
};

/** What the http-server tells a process of a request. */
export function httpBody(our: Address, ask: HttpAsk): HttpRequest {
  const { method = "GET", path = "/", boundPath = path, urlParams = {}, query = {}, headers = {} } = ask;
  return {
    source_socket_addr: "127.0.0.1:50000",
    method,
    url: `http://localhost/${our.id.text}${path}`,
    bound_path: `/${our.id.text}${boundPath}`,
    headers: { host: "localhost", ...headers },
    url_params: { ...urlParams },
    query_params: { ...query },
  };
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

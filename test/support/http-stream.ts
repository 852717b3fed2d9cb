/** A client of streamed HTTP, by node:http: it decodes chunks, and pauses when it is told. */
import http from "node:http";

export type StreamedAnswer = {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** False: the connection ended before the body did. */
  readonly isWhole: boolean;
};

/** Asks on a connection of its own, reads to the end. */
export function askStream(
  port: number,
  { body, ...options }: http.RequestOptions & { readonly body?: string | Uint8Array } = {},
): Promise<StreamedAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port, agent: false, ...options }, (answer) => {
      const pieces: Buffer[] = [];
      const settle = (): void =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(pieces),
          isWhole: answer.complete,
        });
      answer.on("data", (piece: Buffer) => pieces.push(piece));
      answer.once("error", settle);
      answer.once("close", settle);
    });
    request.once("error", reject);
    request.end(body);
  });
}

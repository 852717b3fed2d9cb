/** Asking an extension: a program of any language on this machine, on a path that was bound with `extension`. */
import {
  type Address,
  Blob,
  Envelope,
  type Host,
  type HttpServerAction,
  type HttpServerErrorKind,
  KernelError,
} from "../protocol/index.ts";

/** The question was not sent; `code` says why. */
export class ExtensionError extends KernelError {
  override readonly name = "ExtensionError";
  readonly channelId: number;

  constructor(channelId: number, code: HttpServerErrorKind) {
    super(
      code,
      `Cannot ask extension ${channelId} as ${WHY[code] ?? `the http-server says ${code}`}: ask when its channel is open, and less at once`,
    );
    this.channelId = channelId;
  }
}

const WHY: Readonly<Record<string, string>> = {
  WsChannelNotFound: "no extension of this process has that channel",
  WsChannelOverloaded: "it reads too slowly",
  LimitReached: "the question is larger than limits.pushBytes, or limits.extensionRequests of them wait there",
};

export type ExtensionQuestion = { readonly channelId: number; readonly blob: Blob; readonly seconds: number };

/** @returns what the extension answers @throws {ExtensionError} @throws {SendError} Timeout; Offline: it has left */
export async function askExtension(host: Host, httpServer: Address, question: ExtensionQuestion): Promise<Blob> {
  const { channelId, blob, seconds } = question;
  const action: HttpServerAction = {
    WebSocketExtPushOutgoing: { channel_id: channelId, message_type: "Binary", desired_reply_type: "Response" },
  };
  const request = new Envelope("request", host.our, httpServer, action, blob);
  request.expectsResponse = seconds;
  const { body, blob: answer } = await host.call(request);
  if (typeof body === "object" && body !== null && "Err" in body)
    throw new ExtensionError(channelId, body.Err as HttpServerErrorKind); // the http-server's word
  return answer ?? Blob.of("");
}

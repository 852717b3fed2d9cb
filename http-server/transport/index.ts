/** The one door to the socket libraries: which of the two listens here, and why. */
import { OptionError, textOf } from "../../lib/protocol/index.ts";
import type { Listen, TransportName } from "./transport.ts";
import { listenUws } from "./uws.ts";

export * from "./errors.ts";
export * from "./text.ts";
export { isSameTls, readTls, type Tls, type TlsFiles } from "./tls.ts";
export * from "./transport.ts";

export type TransportChoice = {
  readonly listen: Listen;
  readonly name: TransportName;
  /** A sentence for the start log. */
  readonly why: string;
};

/**
 * Where uWebSockets.js finds how large a head may be, when it loads. Its own 4 KiB are less than browsers send: cookies
 * belong to a host, whatever the port, and any page of the host may set some. node:http takes 16 KiB.
 */
const HEAD_MAX = { variable: "UWS_HTTP_MAX_HEADERS_SIZE", bytes: 16 * 1024 } as const;

/**
 * Loads the transport `wanted`; "auto" is uWebSockets.js where it loads, else ws.
 * @throws {OptionError} "uws" was asked for by name and does not load: ask for "auto" or "ws"
 */
export async function chooseTransport(wanted: "auto" | TransportName): Promise<TransportChoice> {
  if (wanted === "ws") return await loadWs("ws: asked for by name");
  process.env[HEAD_MAX.variable] ??= String(HEAD_MAX.bytes);
  try {
    await import("uWebSockets.js");
    return { listen: listenUws, name: "uws", why: `uWebSockets.js: its binary for ${platform()} loaded` };
  } catch (error) {
    const reason = reasonOf(error);
    if (wanted === "auto") return await loadWs(`ws: uWebSockets.js could not be loaded: ${reason}`);
    throw new OptionError(
      `Cannot use transport "uws" as it needs a binary for ${platform()}: ${reason}; leave it out for "auto", or choose "ws"`,
      { cause: error },
    );
  }
}

async function loadWs(why: string): Promise<TransportChoice> {
  const { listenWs } = await import("./ws.ts"); // on demand: who runs on uWebSockets.js need not load it
  return { listen: listenWs, name: "ws", why };
}

/** The package says in several lines which platforms it has; what counts is that this is none of them. */
function reasonOf(error: unknown): string {
  const text = textOf(error).replaceAll(/\s+/g, " ");
  return text.includes("Cannot find module") ? `it has no binary for ${platform()}` : text;
}

function platform(): string {
  const [major = ""] = process.versions.node.split(".");
  return `Node ${major} (ABI ${process.versions.modules}) on ${process.platform}-${process.arch}`;
}

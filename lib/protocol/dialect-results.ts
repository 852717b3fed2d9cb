/**
 * How the http-server answers an action, in each dialect, and back (contract kinode §5.1, §5.7, §8).
 *
 *   kinode, hyperware   {"Err":"WsChannelNotFound"}
 *   nectar, uqbar       {"Err":{"WebSocketPushError":{"error":"WebSocket channel not found"}}}, {"Err":"NoPayload"},
 *                       {"Err":{"PathBindError":{"error":"…"}}}, {"Err":{"BadRequest":{"req":"<the body>"}}}
 */
import type { Dialect } from "./dialect.ts";
import type { HttpServerErrorKind, HttpServerResult } from "./http.ts";

const OK = Object.freeze({ Ok: null });

type OldError =
  | { readonly as: "BadRequest" | "NoPayload" }
  /** An error of binding where the action binds, else of pushing. */
  | { readonly as: "text"; readonly error: string };

const OLD: Readonly<Record<HttpServerErrorKind, OldError>> = {
  MalformedRequest: { as: "BadRequest" },
  NoBlob: { as: "NoPayload" },
  InvalidSourceProcess: { as: "text", error: "source process may not bind paths" },
  WsPingPongTooLong: { as: "text", error: "Ping and Pong messages must be 125 bytes or less" },
  WsChannelNotFound: { as: "text", error: "WebSocket channel not found" },
  WsChannelOverloaded: { as: "text", error: "WebSocket channel overloaded" },
  LimitReached: { as: "text", error: "limit reached" },
  HttpStreamClosed: { as: "text", error: "HTTP stream closed" },
  HttpBodyTooLarge: { as: "text", error: "HTTP body too large" },
  HttpBodyTooSlow: { as: "text", error: "HTTP body too slow" },
  WsTargetNotFound: { as: "text", error: "WebSocket target not found" },
  WsTargetDenied: { as: "text", error: "WebSocket target denied" },
  WsTargetOverloaded: { as: "text", error: "WebSocket target overloaded" },
  SubdomainTaken: { as: "text", error: "secure subdomain taken" },
};

const KIND_OF = new Map(
  Object.entries(OLD).flatMap(([kind, old]) => (old.as === "text" ? [[old.error, kind as HttpServerErrorKind]] : [])),
);

/** @param error undefined: done @param action the request's body */
export function spellResult(dialect: Dialect, error: HttpServerErrorKind | undefined, action: unknown): unknown {
  if (error === undefined) return OK;
  if (dialect === "kinode" || dialect === "hyperware") return { Err: error };
  const old = OLD[error];
  switch (old.as) {
    case "NoPayload":
      return { Err: "NoPayload" };
    case "BadRequest":
      return { Err: { BadRequest: { req: JSON.stringify(action) ?? "null" } } };
    case "text":
      return { Err: { [isBinding(action) ? "PathBindError" : "WebSocketPushError"]: { error: old.error } } };
  }
}

/** An answer in any dialect, as Kinode spells it. @param body the http-server's word */
export function readResult(body: unknown): HttpServerResult {
  const { Err: error } = body as { readonly Err?: unknown };
  if (error === undefined || typeof error === "string")
    return error === "NoPayload" ? { Err: "NoBlob" } : (body as HttpServerResult);
  const [old] = Object.values(error as object) as { readonly error?: string }[];
  return { Err: KIND_OF.get(old?.error ?? "") ?? "MalformedRequest" };
}

function isBinding(action: unknown): boolean {
  const [name = ""] = typeof action === "object" && action !== null ? Object.keys(action) : [];
  return name.endsWith("ind"); // Bind, SecureBind, WebSocketUnbind, …
}

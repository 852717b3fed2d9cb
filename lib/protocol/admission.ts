/**
 * Who may open a WebSocket on a path, or ask for it by HTTP: the terms that a process binds it with.
 *
 * The http-server decides by them in the handshake's own turn, before any 101, and asks nobody (docs/adr/0025).
 */

/** In the wire's spelling. What is left out does not restrict; of HTTP only `token` and `closed` count. */
export type Admission = {
  /** Pages of these origins besides the node's own, or of any; without it, those of `--allow-origin`. Others: 403. */
  readonly origins?: "any" | readonly string[];
  /** Sockets of this path at once; one more: 403. */
  readonly channels?: number;
  /** Of them, from one address, of IPv6 a /64; one more: 429. */
  readonly channels_per_address?: number;
  /** Handshakes from one address, refused ones too, in a window of `seconds`; one more: 429 with Retry-After. */
  readonly handshakes?: { readonly max: number; readonly seconds: number };
  /** Without a good one: 401. */
  readonly token?: TokenTerms;
  /** Paths of this process that say the same here count as one, by the terms bound last: one thing by several paths. */
  readonly shared?: string;
  /** Nobody is let in now: 503 with Retry-After (seconds; default 5). */
  readonly closed?: { readonly reason: string; readonly retry_after?: number };
};

/**
 * A JSON Web Token (RFC 7519) signed with RS256 or EdDSA (RFC 7518, RFC 8037), with `exp`, `iat` and `jti`. It is looked
 * for in `Authorization: Bearer`, in the password of Basic, in the query parameter `token`, and in the path's `:token`.
 */
export type TokenTerms = {
  /** Public keys in PEM (SPKI); any of them will do. */
  readonly keys: readonly string[];
  /** One of its `aud`. */
  readonly audience: string;
  /** Its `iss`; left out: any. */
  readonly issuer?: string;
  /** It may live at most this long, `exp` minus `iat`. Default 900. */
  readonly max_seconds?: number;
  /** By which clocks may differ. Default 60. */
  readonly skew_seconds?: number;
  /** It is good only for the address that used it first, at any path of this process. Default false. */
  readonly bind_address?: boolean;
};

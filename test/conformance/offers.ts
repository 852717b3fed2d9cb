/** 13: what is offered in Sec-WebSocket-Extensions (RFC 7692 §5 and §7.1), and whether it is taken. */

/** One way, however it is offered: see http-server/transport/extensions.ts. */
const TAKEN = "client_no_context_takeover, permessage-deflate, server_no_context_takeover";
const PASSED = "";

export type Offer = { readonly id: string; readonly offer: string | readonly string[]; readonly answer: string };

const ROWS: readonly (readonly [offer: string | readonly string[], answer: string])[] = [
  ["permessage-deflate", TAKEN],
  ["permessage-deflate; client_max_window_bits", TAKEN],
  ...[8, 9, 10, 11, 12, 13, 14, 15].map(
    (bits) => [`permessage-deflate; client_max_window_bits=${bits}`, TAKEN] as const,
  ),
  ['permessage-deflate; client_max_window_bits="10"', TAKEN],
  ["permessage-deflate; client_no_context_takeover", TAKEN],
  ["permessage-deflate; server_no_context_takeover", TAKEN],
  ["permessage-deflate; server_no_context_takeover; client_no_context_takeover", TAKEN],
  ["permessage-deflate; client_no_context_takeover; client_max_window_bits; server_no_context_takeover", TAKEN],
  ["permessage-deflate;client_no_context_takeover;client_max_window_bits=12", TAKEN],
  ["x-unknown, permessage-deflate", TAKEN],
  ["x-unknown; a=1; b, permessage-deflate; client_max_window_bits", TAKEN],
  ["permessage-deflate; server_max_window_bits=10, permessage-deflate", TAKEN],
  ["permessage-deflate; unknown, permessage-deflate; client_max_window_bits", TAKEN],
  [["permessage-deflate; client_max_window_bits=99", "permessage-deflate"], TAKEN],
  [["x-webkit-deflate-frame", "permessage-deflate"], TAKEN],
  [", permessage-deflate ,", TAKEN],
  ...[8, 9, 10, 11, 12, 13, 14, 15].map(
    (bits) => [`permessage-deflate; server_max_window_bits=${bits}`, PASSED] as const,
  ),
  ["permessage-deflate; server_max_window_bits", PASSED],
  ["permessage-deflate; client_max_window_bits=7", PASSED],
  ["permessage-deflate; client_max_window_bits=16", PASSED],
  ["permessage-deflate; client_max_window_bits=99", PASSED],
  ["permessage-deflate; client_max_window_bits=08", PASSED],
  ["permessage-deflate; client_max_window_bits=+9", PASSED],
  ["permessage-deflate; client_max_window_bits=x", PASSED],
  ["permessage-deflate; client_no_context_takeover=1", PASSED],
  ["permessage-deflate; server_no_context_takeover=true", PASSED],
  ["permessage-deflate; client_no_context_takeover; client_no_context_takeover", PASSED],
  ["permessage-deflate; client_max_window_bits; client_max_window_bits=10", PASSED],
  ["permessage-deflate; unknown", PASSED],
  ["permessage-deflate; __proto__", PASSED],
  ["permessage-deflate; Client_Max_Window_Bits", PASSED],
  ["x-webkit-deflate-frame", PASSED],
  ["Permessage-Deflate", PASSED],
  ["permessage-bzip2", PASSED],
  ["", PASSED],
];

export const OFFERS: readonly Offer[] = ROWS.map(([offer, answer], at) => ({ id: `13.${at + 1}`, offer, answer }));

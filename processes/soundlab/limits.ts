/** Every limit of Soundlab: default, unit, bounds and reason. */
import { type Limit, limit } from "jackfield/protocol";

export const SOUNDLAB_LIMITS: Readonly<Record<SoundlabLimitName, Limit>> = {
  clients: limit(
    1_000,
    "sockets",
    1,
    100_000,
    "of each stream at once; one more is refused with 403 (its sheet, §12 D)",
  ),
  connectionsPerAddress: limit(10, "sockets", 1, 100_000, "in production, of each stream from one address"),
  handshakes: limit(
    10,
    "handshakes",
    1,
    1_000_000,
    "in production, of each stream from one address per handshakeSeconds",
  ),
  handshakeSeconds: limit(10, "seconds", 1, 3_600, "see handshakes: a page with an expired token tries again at once"),
  messagesPerSecond: limit(100, "messages", 1, 1_000_000, "from one client: what is above is not answered"),
  tokenSeconds: limit(900, "seconds", 1, 86_400, "a token may live: it travels in addresses, which others may see"),
  tokenSkewSeconds: limit(60, "seconds", 0, 600, "by which the clock of who signs tokens may differ from this one"),
};

export type SoundlabLimitName =
  | "clients"
  | "connectionsPerAddress"
  | "handshakes"
  | "handshakeSeconds"
  | "messagesPerSecond"
  | "tokenSeconds"
  | "tokenSkewSeconds";

export const FPS_FRAMES = 60; // frames: two seconds, over which /api/status measures the rate

export const EVENTS_WAITING = 256; // events: of one slow client; one more closes it with 1013 (its sheet, §8)
export const EVENTS_WINDOW = 32; // events: a client may have before its pong

export const FLOOD_SECONDS = 5; // seconds above messagesPerSecond, after which a client is closed with 1008

export const PRESETS_LISTED = 100; // presets of one list, unless `limit` says less

/**
 * What holds the message in hand, or the last one. Renewed now and then, because V8 must write down each store of a new
 * object into an old one, and an object is old after two scavenges (bench/profile: 60 instructions of each message).
 */
import type { Blob, Envelope } from "../lib/protocol/index.ts";

export class Hand {
  message: Envelope | null = null; // null while nobody has asked for that of a frame
  /** What came with it; null for an error, which brings back what this process sent itself. */
  blob: Blob | null = null;
  /** Of a frame: what its message is made from. */
  origin: object | null = null;
}

export function handWith(message: Envelope): Hand {
  const hand = new Hand();
  hand.message = message;
  hand.blob = blobOf(message);
  return hand;
}

/** What came with it: an error brings back what this process sent itself. */
export function blobOf(message: Envelope): Blob | null {
  return message.kind === "error" ? null : message.blob;
}

/** What the page offers, where there is one: each is missing in some runtime. */
import type { SocketConstructor } from "./socket.ts";

type Page = {
  readonly location?: { readonly href: string };
  readonly document?: { readonly cookie?: string };
  /** Set by the node's `/our.js`. */
  readonly our?: { readonly node?: string };
  readonly WebSocket?: SocketConstructor;
  readonly addEventListener?: (type: "online", listener: () => void) => void;
  readonly removeEventListener?: (type: "online", listener: () => void) => void;
};

/** A function, not a constant: `/our.js` may run after this file. */
export function page(): Page {
  return globalThis as unknown as Page;
}

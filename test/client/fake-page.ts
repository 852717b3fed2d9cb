/** The globals that a page has and Node has not, for one test. Call leavePage in afterEach. */

const NAMES = ["location", "document", "our", "WebSocket"] as const;
const before = new Map(NAMES.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));

export type PageOptions = {
  readonly href?: string;
  /** A string as document.cookie gives it, or what reading it throws. */
  readonly cookie?: string | Error;
  /** window.our.node */
  readonly node?: string;
  readonly WebSocket?: unknown;
};

export function setPage(options: PageOptions): void {
  const { href, cookie, node } = options;
  if (href !== undefined) define("location", { href });
  if (node !== undefined) define("our", { node });
  if ("WebSocket" in options) define("WebSocket", options.WebSocket);
  if (cookie !== undefined) {
    define("document", {
      get cookie(): string {
        if (cookie instanceof Error) throw cookie;
        return cookie;
      },
    });
  }
}

export function leavePage(): void {
  for (const [name, descriptor] of before) {
    if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
    else Object.defineProperty(globalThis, name, descriptor);
  }
}

function define(name: (typeof NAMES)[number], value: unknown): void {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

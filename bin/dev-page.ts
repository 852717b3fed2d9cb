/**
 * dev:dev:sys: tells the pages of packages that are worked on when to load anew, and what is wrong.
 *
 *   /dev:dev:sys/live.js   a script that the http-server adds to each page (HttpServerOptions.pageScript)
 *   /dev:dev:sys/live      the channel it opens: {"package","version","problem"}, one for each package, and each change
 *
 * 1. Without a login, as pages may be without. What is wrong quotes source code: only a client on this machine, or one
 *    that is logged in, is told more than that something is.
 * 2. No process of distro:sys takes channels: hence a package of its own.
 * 3. The script is a file of the page's own origin, and opens a channel to that: a page whose policy lets in nothing but
 *    its own lets in this.
 */
import { isIP } from "node:net";
import { defineProcess } from "../lib/process/index.ts";
import type { Program } from "../lib/protocol/index.ts";

export const DEV = "dev:dev:sys";
export const SCRIPT_PATH = `/${DEV}/live.js`;

/** @property version changes with each that runs @property problem why a newer one does not; null: none */
export type Told = { readonly package: string; readonly version: string; readonly problem: string | null };

export class DevPages {
  readonly program: Program;
  readonly #known = new Map<string, Told>();
  #told: (told: Told) => void = () => undefined;

  constructor() {
    const trusted = new Set<number>();
    const others = new Set<number>();
    this.program = defineProcess({
      init: async (ctx) => {
        trusted.clear();
        others.clear();
        await ctx.bindStatic("/live.js", SCRIPT, { authenticated: false, mime: "text/javascript; charset=utf-8" });
        await ctx.bindWs("/live", { authenticated: false });
        this.#told = (told) => {
          for (const channelId of trusted) ctx.push(channelId, told);
          for (const channelId of others) ctx.push(channelId, discreet(told));
        };
      },
      onOpen: (_, { channelId, peer, user }, ctx) => {
        const mayKnow = user !== null || isOwnMachine(peer);
        (mayKnow ? trusted : others).add(channelId);
        for (const told of this.#known.values()) ctx.push(channelId, mayKnow ? told : discreet(told));
      },
      onClose: (_, { channelId }) => {
        trusted.delete(channelId);
        others.delete(channelId);
      },
    });
  }

  tell(told: Told): void {
    this.#known.set(told.package, told);
    this.#told(told);
  }
}

function discreet(told: Told): Told {
  return { ...told, problem: told.problem === null ? null : "It does not run: see the terminal, or log in" };
}

/** @param peer `address:port` */
function isOwnMachine(peer: string | null): boolean {
  const address = (peer ?? "").replace(/:\d+$/, "").replaceAll(/[[\]]/g, "");
  return isIP(address) !== 0 && (/^(::ffff:)?127\./.test(address) || address === "::1");
}

/** Plain script, es2017: it runs in whatever browser the page is for. */
const SCRIPT = `(() => {
  const url = new URL("/${DEV}/live", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const [, own] = /^\\/[^/:]+:([^/:]+:[^/:]+)(?:\\/|$)/.exec(decodeURIComponent(location.pathname)) || [];
  const versions = new Map();
  const problems = new Map();
  let box;
  const show = () => {
    const [problem] = [...problems.values()].filter((text) => text !== null);
    if (problem === undefined) {
      if (box) box.remove();
      box = undefined;
      return;
    }
    if (box === undefined) {
      box = document.createElement("pre");
      box.setAttribute("role", "alert");
      box.id = "jackfield-dev-problem";
      Object.assign(box.style, {
        position: "fixed", inset: "auto 0 0 0", margin: "0", padding: "1rem", maxHeight: "60vh", overflow: "auto",
        zIndex: "2147483647", background: "#2b1210", color: "#ffd9d3", borderTop: "3px solid #f0705f",
        font: "13px/1.45 ui-monospace, Menlo, Consolas, monospace", whiteSpace: "pre-wrap", textAlign: "left",
      });
      document.documentElement.append(box);
    }
    box.textContent = problem;
  };
  const connect = () => {
    const socket = new WebSocket(url);
    socket.onmessage = ({ data }) => {
      const told = JSON.parse(data);
      if (own !== undefined && told.package !== own) return;
      const known = versions.get(told.package);
      versions.set(told.package, told.version);
      problems.set(told.package, told.problem);
      if (known !== undefined && known !== told.version) location.reload();
      else show();
    };
    socket.onclose = () => setTimeout(connect, 500);
  };
  connect();
})();
`;

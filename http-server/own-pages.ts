/**
 * What the server serves of its own: who it is, the browser client, and what the login page needs.
 *
 * A file is read when it is first asked for, and all others soon after the start, before somebody puts another version in
 * their place: read before the first port opens, the dozen took a start 0.8 ms of processor time (bench/start).
 */
import { readFileSync } from "node:fs";
import { sendEmpty } from "./http-exchange.ts";
import { fromPackageRoot } from "./package-root.ts";
import { PAGE_HEADERS } from "./security-headers.ts";
import type { TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

const JAVASCRIPT = "text/javascript; charset=utf-8";
const CSS = "text/css; charset=utf-8";

/** Where they are, from the package's root, and their types. */
const FILES: ReadonlyMap<string, { readonly type: string; readonly file: string }> = new Map([
  ["/client.js", { type: JAVASCRIPT, file: "dist/client.js" }],
  ["/login/argon2.js", { type: JAVASCRIPT, file: "dist/argon2.js" }],
  ["/login/login.js", { type: JAVASCRIPT, file: "http-server/pages/login.js" }],
  ["/login/form.js", { type: JAVASCRIPT, file: "http-server/pages/form.js" }],
  ["/login/hash.js", { type: JAVASCRIPT, file: "http-server/pages/hash.js" }],
  ["/login/password.js", { type: JAVASCRIPT, file: "http-server/pages/password.js" }],
  ["/login/sessions.js", { type: JAVASCRIPT, file: "http-server/pages/sessions.js" }],
  ["/login/sessions.css", { type: CSS, file: "http-server/pages/sessions.css" }],
  ["/login/login.css", { type: CSS, file: "http-server/pages/login.css" }],
]);
const PAGES = ["login", "sessions", "password"] as const;
type PageName = (typeof PAGES)[number];

type Page = { readonly type: string; readonly body: Uint8Array | string };

export class OwnPages {
  readonly #node: string;
  readonly #made: ReadonlyMap<string, Page>;
  readonly #read = new Map<string, Buffer>();
  readonly #html = new Map<PageName, string>();

  /** @param node a safe node name: it needs no escaping */
  constructor(node: string) {
    this.#node = node;
    this.#made = new Map<string, Page>([
      ["/our", { type: "text/html; charset=utf-8", body: node }],
      ["/our.js", { type: JAVASCRIPT, body: `window.our = {}; window.our.node = '${node}';` }],
    ]);
  }

  /** The page's HTML, with places for what differs from request to request. */
  html(name: PageName): string {
    const known = this.#html.get(name);
    if (known !== undefined) return known;
    const file = this.#bytes(`http-server/pages/${name}.html`);
    const html = file.toString("utf8").replaceAll("{{node}}", this.#node);
    this.#html.set(name, html);
    return html;
  }

  /** Reads what nobody has asked for yet. */
  readAll(): void {
    for (const name of PAGES) this.html(name);
    for (const { file } of FILES.values()) this.#bytes(file);
  }

  /** @returns whether the request was for one of them */
  handle(request: Visit, response: TransportResponse): boolean {
    const page = this.#made.get(request.path) ?? this.#file(request.path);
    if (page === undefined) return false;
    if (request.method === "GET" || request.method === "HEAD") {
      response.send(200, [["content-type", page.type], ...PAGE_HEADERS], page.body);
    } else sendEmpty(response, 404);
    return true;
  }

  #file(path: string): Page | undefined {
    const found = FILES.get(path);
    return found === undefined ? undefined : { type: found.type, body: this.#bytes(found.file) };
  }

  #bytes(file: string): Buffer {
    const known = this.#read.get(file);
    if (known !== undefined) return known;
    const bytes = readFileSync(fromPackageRoot(file));
    this.#read.set(file, bytes);
    return bytes;
  }
}

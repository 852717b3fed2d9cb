/** What the server serves of its own: who it is, the browser client, and what the login page needs. */
import { readFileSync } from "node:fs";
import { sendEmpty } from "./http-exchange.ts";
import { fromPackageRoot } from "./package-root.ts";
import { PAGE_HEADERS } from "./security-headers.ts";
import type { TransportResponse } from "./transport/transport.ts";
import type { Visit } from "./visit.ts";

const JAVASCRIPT = "text/javascript; charset=utf-8";

type Page = { readonly type: string; readonly body: Uint8Array | string };

export class OwnPages {
  readonly #pages: ReadonlyMap<string, Page>;
  readonly loginPage: string;
  readonly account: { readonly sessions: string; readonly password: string };

  private constructor(pages: ReadonlyMap<string, Page>, html: (name: string) => string) {
    this.#pages = pages;
    this.loginPage = html("login");
    this.account = { sessions: html("sessions"), password: html("password") };
  }

  /**
   * Reads them once, all before the first port opens: there is nobody to hold up yet.
   * @param node a safe node name: it needs no escaping
   */
  static load(node: string): OwnPages {
    const built = (file: string): Buffer => readFileSync(fromPackageRoot(`dist/${file}`));
    const page = (file: string): Buffer => readFileSync(fromPackageRoot(`http-server/pages/${file}`));
    const pages = new Map<string, Page>([
      ["/our", { type: "text/html; charset=utf-8", body: node }],
      ["/our.js", { type: JAVASCRIPT, body: `window.our = {}; window.our.node = '${node}';` }],
      ["/client.js", { type: JAVASCRIPT, body: built("client.js") }],
      ["/login/argon2.js", { type: JAVASCRIPT, body: built("argon2.js") }],
      ["/login/login.js", { type: JAVASCRIPT, body: page("login.js") }],
      ["/login/form.js", { type: JAVASCRIPT, body: page("form.js") }],
      ["/login/hash.js", { type: JAVASCRIPT, body: page("hash.js") }],
      ["/login/password.js", { type: JAVASCRIPT, body: page("password.js") }],
      ["/login/sessions.js", { type: JAVASCRIPT, body: page("sessions.js") }],
      ["/login/sessions.css", { type: "text/css; charset=utf-8", body: page("sessions.css") }],
      ["/login/login.css", { type: "text/css; charset=utf-8", body: page("login.css") }],
    ]);
    return new OwnPages(pages, (name) => page(`${name}.html`).toString("utf8").replaceAll("{{node}}", node));
  }

  /** @returns whether the request was for one of them */
  handle(request: Visit, response: TransportResponse): boolean {
    const page = this.#pages.get(request.path);
    if (page === undefined) return false;
    if (request.method === "GET" || request.method === "HEAD") {
      response.send(200, [["content-type", page.type], ...PAGE_HEADERS], page.body);
    } else sendEmpty(response, 404);
    return true;
  }
}

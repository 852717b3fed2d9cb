/** What the server serves of its own: who it is, the browser client, and what the login page needs. */
import { readFile } from "node:fs/promises";
import { sendEmpty } from "./http-exchange.ts";
import { fromPackageRoot } from "./package-root.ts";
import type { TransportRequest, TransportResponse } from "./transport/transport.ts";

const JAVASCRIPT = "text/javascript; charset=utf-8";

type Page = { readonly type: string; readonly body: Uint8Array | string };

export class OwnPages {
  readonly #pages: ReadonlyMap<string, Page>;
  readonly loginPage: string;

  private constructor(pages: ReadonlyMap<string, Page>, loginPage: string) {
    this.#pages = pages;
    this.loginPage = loginPage;
  }

  /** Reads them once. @param node a safe node name: it needs no escaping */
  static async load(node: string): Promise<OwnPages> {
    const here = (file: string): Promise<Buffer> => readFile(new URL(`./pages/${file}`, import.meta.url));
    const [client, argon2, loginJs, loginCss, loginHtml] = await Promise.all([
      readFile(fromPackageRoot("dist/client.js")),
      readFile(fromPackageRoot("node_modules/hash-wasm/dist/argon2.umd.min.js")),
      here("login.js"),
      here("login.css"),
      here("login.html"),
    ]);
    const pages = new Map<string, Page>([
      ["/our", { type: "text/html; charset=utf-8", body: node }],
      ["/our.js", { type: JAVASCRIPT, body: `window.our = {}; window.our.node = '${node}';` }],
      ["/client.js", { type: JAVASCRIPT, body: client }],
      ["/login/argon2.js", { type: JAVASCRIPT, body: argon2 }],
      ["/login/login.js", { type: JAVASCRIPT, body: loginJs }],
      ["/login/login.css", { type: "text/css; charset=utf-8", body: loginCss }],
    ]);
    return new OwnPages(pages, loginHtml.toString("utf8").replaceAll("{{node}}", node));
  }

  /** @returns whether the request was for one of them */
  handle(request: TransportRequest, response: TransportResponse): boolean {
    const page = this.#pages.get(request.path);
    if (page === undefined) return false;
    if (request.method === "GET" || request.method === "HEAD") {
      response.send(
        200,
        [
          ["content-type", page.type],
          ["x-content-type-options", "nosniff"],
        ],
        page.body,
      );
    } else sendEmpty(response, 404);
    return true;
  }
}

/** P of the contract's cases, with pages: it answers what HTTP asks, and writes down everything else it is sent. */
import { Blob, type Envelope, type Host, type HttpRequest, type Program } from "../../lib/protocol/index.ts";
import { OK } from "../support/channels.ts";
import { P, type TestNode } from "../support/node.ts";
import { Recorder } from "../support/recorder.ts";

const TYPES: Readonly<Record<string, string>> = { html: "text/html; charset=utf-8", js: "text/javascript" };

/** What the process is sent, and the paths it was asked for by HTTP. */
export type PageProcess = { readonly told: Recorder; readonly asked: string[] };

/** @param pages by path, e.g. `/page.html`; they stand below `/my-package:my-package:template.os`, for who is logged in */
export async function addPages(on: TestNode, pages: Readonly<Record<string, string>>): Promise<PageProcess> {
  const told = new Recorder();
  const asked: string[] = [];
  const answer = (envelope: Envelope, { Http }: { readonly Http: HttpRequest }, host: Host): void => {
    const path = Http.bound_path.slice(P.length + 1);
    asked.push(path);
    const type = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "text/plain";
    const body = { status: 200, headers: { "Content-Type": type } };
    host.respond({ body, blob: Blob.of(pages[path] ?? "") }, envelope);
  };
  const program: Program = {
    start: (host) => {
      const instance = told.program.start(host);
      return {
        ...instance,
        handle: (envelope) =>
          isHttp(envelope.body) ? answer(envelope, envelope.body, host) : instance.handle(envelope),
      };
    },
  };
  on.add(P, program);
  for (const path of Object.keys(pages)) {
    const answered = await told.ask({ Bind: { path, authenticated: true, local_only: false, cache: false } });
    if (JSON.stringify(answered) !== JSON.stringify(OK)) throw new Error(`${path}: ${JSON.stringify(answered)}`);
  }
  return { told, asked };
}

function isHttp(body: unknown): body is { readonly Http: HttpRequest } {
  return typeof body === "object" && body !== null && "Http" in body;
}

/**
 * Where the sender of a request may reach.
 *
 * 1. Who may message http-client:distro:sys reaches every public address. This machine and private networks want
 *    `{"local":true}`, or `{"kind":"http","host":…,"local":true}` for one host.
 * 2. Where a request brings a capability of http-client, or is on behalf of another, only what it brings counts:
 *    `{"kind":"http"}` any public address, `{"kind":"http","host":"api.example.com"}` that one.
 * 3. `host` is that of the URL, with its port where that is not the scheme's own, or without.
 * 4. Of another node nobody asks: http-client.ts refuses them before (contract kinode §9, row 30).
 */
import { allowed, type Context, type Message, type PermissionParams } from "jackfield/process";
import { countsBrought } from "jackfield/protocol";
import { Refusal } from "./refusal.ts";

/** - `public`: not this machine, nor a private network. */
export type Reach = "public" | "any";

/** @throws {Refusal} Denied */
export async function reachOf(
  ctx: Pick<Context, "host" | "our">,
  message: Message,
  url: URL,
  method: string,
): Promise<Reach> {
  const { host, hostname } = url;
  const facts = { host, hostname, method, scheme: url.protocol.slice(0, -1) };
  const may = async (...needs: readonly PermissionParams[]): Promise<boolean> => {
    for (const each of needs) if (await allowed(ctx, message, each, { facts })) return true;
    return false;
  };
  const hosts = [...new Set([host, hostname])];
  const here = hosts.map((name) => ({ kind: "http", host: name, local: true }));
  if (await may({ local: true }, ...here)) return "any";
  if (!countsBrought(message, ctx.our.text)) return "public";
  if (await may({ kind: "http" }, ...hosts.map((name) => ({ kind: "http", host: name })))) return "public";
  throw denied(url, "no capability that came with the request is for that host");
}

export function denied(url: URL, error: string): Refusal {
  return new Refusal({ Denied: { url: url.origin, error } });
}

/**
 * homepage:homepage:sys: the start page, and the list of apps that put themselves there (contract kinode §6).
 *
 *   {"Add":{"label","path"?,"icon"?,"description"?}}  puts or changes the sender's entry
 *   "Remove"                                          takes it away
 *   "GetApps"                                         → {"GetApps":[…]}
 *
 * Needs   to message http-server:distro:sys. Public: any process may add itself.
 * State   the entries; an app adds itself anew when it starts.
 */
import { defineProcess, type Message } from "jackfield/process";

const APPS_MAX = 1000; // entries
const TEXT_MAX = 500; // characters of a label or description
const ICON_MAX = 64 * 1024; // characters of a data: URL

/** Labels and icons come from any process of the node: nothing of theirs may run here, nor call elsewhere. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'", // which a page cannot say in its own HTML
].join("; ");
const HEADERS = { "Content-Security-Policy": POLICY, "X-Frame-Options": "DENY" };

type App = {
  readonly process: string;
  readonly label: string;
  readonly path: string;
  readonly icon: string | null;
  readonly description: string | null;
};
type Apps = ReadonlyMap<string, App>;

export default defineProcess<Apps>({
  async init(ctx) {
    await ctx.serveUi("ui", { headers: HEADERS });
    await ctx.bindHttp("/apps.json");
    return new Map();
  },
  onHttp(apps, request) {
    request.reply([...apps.values()], { headers: { "Content-Type": "application/json", "Cache-Control": "no-store" } });
  },
  onRequest(apps, message, ctx) {
    const { body } = message;
    const sender = message.source.id.text;
    if (body === "GetApps") return answer(message, () => ctx.respond({ GetApps: [...apps.values()] }));
    if (body === "Remove") return new Map([...apps].filter(([process]) => process !== sender));
    const app = readApp(sender, body);
    if (app === undefined || (apps.size >= APPS_MAX && !apps.has(sender))) {
      return answer(message, () =>
        ctx.respond({ Err: 'write {"Add":{"label":"…","path":"/…"}}, "Remove" or "GetApps"' }),
      );
    }
    answer(message, () => ctx.respond({ Ok: null }));
    return new Map([...apps, [sender, app]]);
  },
});

function answer(message: Message, respond: () => void): void {
  if (message.rsvp !== null) respond();
}

function readApp(process: string, body: unknown): App | undefined {
  const add = typeof body === "object" && body !== null && "Add" in body ? body.Add : undefined;
  if (typeof add !== "object" || add === null) return undefined;
  const { label, path = `/${process}/`, icon = null, description = null } = add as Readonly<Record<string, unknown>>;
  const isText = (value: unknown, max: number): value is string => typeof value === "string" && value.length <= max;
  if (!isText(label, TEXT_MAX) || !isText(path, TEXT_MAX) || !path.startsWith("/")) return undefined;
  if (icon !== null && !isText(icon, ICON_MAX)) return undefined;
  if (description !== null && !isText(description, TEXT_MAX)) return undefined;
  return { process, label, path, icon, description };
}

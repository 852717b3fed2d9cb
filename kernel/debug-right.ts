/**
 * The right to ask the kernel what it shows (debug.ts), and to command it nothing: `{"debug":true}` of kernel:distro:sys.
 * It is no messaging capability, so it is looked at with each request, before that is queued.
 */
import { type Envelope, isOnBehalf, isWholly, KERNEL } from "../lib/protocol/index.ts";
import type { Process } from "./process.ts";

const DEBUG = '{"debug":true}';

/** Whether `request`, to a process of node `node`, is a debug query of who may ask such. Not with another's right. */
export function mayQuery(node: string, request: Envelope, from: Process): boolean {
  if (request.target.id.text !== KERNEL.text || !isQuery(request.body) || isOnBehalf(request)) return false;
  const issuer = `${node}@${KERNEL.text}`;
  return from.capabilities.list().some((cap) => cap.issuer === issuer && isWholly(cap, DEBUG));
}

/** As kernel-process.ts reads it, and with nothing else in it. */
function isQuery(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return false;
  const [name, ...more] = Object.keys(body);
  return name === "Debug" && more.length === 0;
}

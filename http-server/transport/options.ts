/** Checks what a listener is started with: uWebSockets.js would abort the process, or lift a limit, without a word. */
import { OptionError } from "../../lib/protocol/index.ts";
import type { TransportName, TransportOptions } from "./transport.ts";

type Rule = { readonly min: number; readonly max: number; readonly unit: string };

const RULES: Readonly<Record<"port" | "maxPayload" | "maxBackpressure" | "idleTimeout" | "compressBytes", Rule>> = {
  port: { min: 0, max: 65_535, unit: "as a TCP port" },
  maxPayload: { min: 1, max: 2 ** 31 - 1, unit: "bytes" }, // 0 means no limit to ws
  maxBackpressure: { min: 1, max: 2 ** 31 - 1, unit: "bytes" }, // 0 means no limit to uWS: 196 MB were seen on one socket
  idleTimeout: { min: 8, max: 960, unit: "seconds" }, // uWS calls std::terminate outside of it
  compressBytes: { min: 1, max: 2 ** 31 - 1, unit: "bytes" },
};

/** @throws {OptionError} one of the numbers is outside its range, or the port cannot be shared here; nothing was opened */
export function checkOptions(options: TransportOptions, transport: TransportName): void {
  if (options.reusePort === true) assertReusable(options, transport);
  for (const [name, rule] of Object.entries(RULES)) {
    const value = options[name as keyof typeof RULES];
    if (Number.isInteger(value) && value >= rule.min && value <= rule.max) continue;
    throw new OptionError(
      `Cannot listen on "${options.host}:${options.port}" as ${name} must be ${rule.min} to ${rule.max} ${rule.unit}: got ${value}`,
    );
  }
}

/** SO_REUSEPORT gives each listener its share of connections on Linux alone; Node has it since 22.12. */
function assertReusable({ host, port }: TransportOptions, transport: TransportName): void {
  const what = `Cannot share port "${host}:${port}" as --reuse-port`;
  if (process.platform !== "linux")
    throw new OptionError(`${what} needs Linux: this is ${process.platform}, leave it out`);
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (transport === "uws" || major > 22 || (major === 22 && minor >= 12)) return;
  throw new OptionError(
    `${what} needs Node 22.12 with transport "ws": this is ${process.versions.node}, leave it out or use --transport uws`,
  );
}

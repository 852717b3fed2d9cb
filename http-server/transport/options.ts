/** Checks what a listener is started with: uWebSockets.js would abort the process, or lift a limit, without a word. */
import { OptionError } from "../../lib/protocol/index.ts";
import type { TransportOptions } from "./transport.ts";

type Rule = { readonly min: number; readonly max: number; readonly unit: string };

const RULES: Readonly<Record<"port" | "maxPayload" | "maxBackpressure" | "idleTimeout" | "compressBytes", Rule>> = {
  port: { min: 0, max: 65_535, unit: "as a TCP port" },
  maxPayload: { min: 1, max: 2 ** 31 - 1, unit: "bytes" }, // 0 means no limit to ws
  maxBackpressure: { min: 1, max: 2 ** 31 - 1, unit: "bytes" }, // 0 means no limit to uWS: 196 MB were seen on one socket
  idleTimeout: { min: 8, max: 960, unit: "seconds" }, // uWS calls std::terminate outside of it
  compressBytes: { min: 1, max: 2 ** 31 - 1, unit: "bytes" },
};

/** @throws {OptionError} one of the numbers is outside its range; nothing was opened */
export function checkOptions(options: TransportOptions): void {
  for (const [name, rule] of Object.entries(RULES)) {
    const value = options[name as keyof typeof RULES];
    if (Number.isInteger(value) && value >= rule.min && value <= rule.max) continue;
    throw new OptionError(
      `Cannot listen on "${options.host}:${options.port}" as ${name} must be ${rule.min} to ${rule.max} ${rule.unit}: got ${value}`,
    );
  }
}

/** How often one process may be restarted, where that is not what the node's limits say: `restart: { max, seconds }`. */
import { OptionError, type RestartIntensity } from "../lib/protocol/index.ts";
import { KERNEL_LIMITS, type KernelLimits } from "./limits.ts";

const { restarts: MAX, restartWindow: WINDOW } = KERNEL_LIMITS;

/** @param who the process, for the error @throws {OptionError} */
export function restartLimits(limits: KernelLimits, given: RestartIntensity | undefined, who: string): KernelLimits {
  if (given === undefined) return limits;
  const fault = intensityFault(given);
  if (fault !== undefined) throw new OptionError(`Cannot start process "${who}" as its ${fault}`);
  return { ...limits, restarts: given.max, restartWindow: given.seconds * 1000 };
}

/** What is wrong with a value that should be an intensity; undefined: nothing. */
export function intensityFault(value: unknown): string | undefined {
  const { max, seconds } = (typeof value === "object" && value !== null ? value : {}) as Partial<RestartIntensity>;
  const least = WINDOW.min / 1000;
  const most = WINDOW.max / 1000;
  const isMax = Number.isInteger(max) && Number(max) >= MAX.min && Number(max) <= MAX.max;
  const isSeconds = typeof seconds === "number" && seconds >= least && seconds <= most;
  if (isMax && isSeconds) return undefined;
  return `restart must be {"max": ${MAX.min} to ${MAX.max}, "seconds": ${least} to ${most}}: got ${JSON.stringify(value)}, leave it out for ${MAX.value} in ${WINDOW.value / 1000} s`;
}

/** What the process needs of the chain. Its files import each other, and nothing of the process. */
export type { CalibrationFailure, CalibrationResult } from "./calibration.ts";
export { QUALITY_LOW } from "./calibration.ts";
export { type CalibrationState, Chain, type ChainCounts, type ChainOptions } from "./chain.ts";
export * from "./constants.ts";
export { EVENT_RULES } from "./events.ts";
export type * from "./frames.ts";
export { FRAME_STATES } from "./frames.ts";
export {
  type ChannelInput,
  changedInputs,
  DEFAULT_INPUTS,
  INPUT_RANGES,
  type InputChange,
  type Inputs,
  type NoiseInput,
  PHI_SOURCES,
  type PhiInput,
  type PhiSource,
  type Range,
} from "./inputs.ts";

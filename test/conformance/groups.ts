/** Every group of cases, by the numbers that the Autobahn test suite gave them. */
import type { Group } from "./case.ts";
import { closing } from "./groups/closing.ts";
import { compression } from "./groups/compression.ts";
import { fragmentation } from "./groups/fragmentation.ts";
import { framing, pings } from "./groups/framing.ts";
import { reservedBits, reservedOpcodes } from "./groups/headers.ts";
import { limits, misc } from "./groups/limits.ts";
import { utf8 } from "./groups/utf8.ts";

export const GROUPS: readonly Group[] = [
  framing,
  pings,
  reservedBits,
  reservedOpcodes,
  fragmentation,
  utf8,
  closing,
  limits,
  misc,
  compression,
];

/** Uploads one part, as the SDK does. */
import { StandInParts } from "../../../processes/hanami/data-set/stand-in-parts.ts";
import type { Client, HanamiNode } from "./node.ts";

export async function upload(_hanami: HanamiNode, _client: Client, part: string, bytes: Uint8Array): Promise<void> {
  await StandInParts.last?.fill(part, bytes);
}

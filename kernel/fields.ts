/** Reading what a message brought: what is not as it must be throws, and the sender is told why. */
import { Address, type Capability, capability } from "../lib/protocol/index.ts";

export type Fields = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function fields(value: unknown): Fields {
  if (!isRecord(value)) throw new Error("an object is missing");
  return value;
}

export function text(value: unknown): string {
  if (typeof value !== "string") throw new Error("a text is missing");
  return value;
}

export function capabilities(value: unknown): readonly Capability[] {
  if (!Array.isArray(value)) throw new Error("a list of capabilities is missing");
  return value.map((item) => {
    const { issuer, params } = fields(item);
    return capability(Address.parse(text(issuer)), text(params));
  });
}

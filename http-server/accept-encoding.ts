/** Which codings a client takes (RFC 9110 §12.5.3). */
import { CODINGS, type Coding } from "./static-content.ts";

export type Acceptable = {
  /** Best first; only those it wants at least as much as none. */
  readonly codings: readonly Coding[];
  /** Whether it takes content that is not coded. */
  readonly identity: boolean;
};

const PLAIN: Acceptable = { codings: [], identity: true };
const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/i;

/** @param header undefined: it does not say, so nothing is coded */
export function acceptable(header: string | undefined): Acceptable {
  if (header === undefined) return PLAIN;
  const weights = new Map<string, number>();
  for (const member of header.split(",")) {
    const [name = "", ...parameters] = member.split(";").map((part) => part.trim());
    if (name !== "") weights.set(name.toLowerCase().replace(/^x-gzip$/, "gzip"), weightOf(parameters));
  }
  const any = weights.get("*");
  const identity = weights.get("identity") ?? (any === 0 ? 0 : undefined);
  const weigh = (coding: Coding): number => weights.get(coding) ?? any ?? 0;
  const codings = CODINGS.filter((coding) => weigh(coding) > 0 && weigh(coding) >= (identity ?? 0));
  codings.sort((a, b) => weigh(b) - weigh(a)); // stable: of equals, ours first
  return { codings, identity: identity !== 0 };
}

/** 0 for what is no weight: it is not offered then. */
function weightOf(parameters: readonly string[]): number {
  const [weight] = parameters;
  return weight === undefined ? 1 : Number(WEIGHT.exec(weight)?.[1] ?? 0);
}

/**
 * Subjects of the link (contracts/cluster.md §3): `n.<to>.<from>.<lane>`.
 *
 * The sender stands in the subject, as NATS tells a receiver nothing of who published, and servers let each node publish
 * under its own name only. A reply subject, `n.<self>.<self>.nr.<seq>.<to>`, is where a server says that nobody was there;
 * nobody else publishes to one.
 */
import { LANES, type Lane } from "./wire.ts";

/** What may stand in a subject: no `_`, which stands for `.`, nor anything that NATS reads as more than a name. */
const NAME = /^[a-z0-9.-]{1,253}$/;

/** Whether a node of that name can be linked. Whatever is not must never come into a subject. */
export function isLinkName(node: string): boolean {
  return NAME.test(node);
}

/** One to one: a node's name has letters, digits, `.` and `-`. */
export function tokenOf(node: string): string {
  return node.replaceAll(".", "_");
}

export function nodeOf(token: string): string {
  return token.replaceAll("_", ".");
}

export function subjectOf(to: string, from: string, lane: Lane): string {
  return `n.${tokenOf(to)}.${tokenOf(from)}.${lane}`;
}

export function absenceSubject(self: string, to: string, seq: number): string {
  const own = tokenOf(self);
  return `n.${own}.${own}.nr.${seq}.${tokenOf(to)}`;
}

/** Where nodes of one name hear of each other: nats-name.ts. No frame comes there. */
export function nameSubject(self: string): string {
  return `n.${tokenOf(self)}.${tokenOf(self)}.id`;
}

export type Arrived =
  | { readonly kind: "frame"; readonly from: string; readonly lane: Lane }
  | { readonly kind: "absent"; readonly peer: string; readonly seq: number };

/** @returns undefined when it is no subject of the link to `self` */
export function readSubject(subject: string, self: string): Arrived | undefined {
  const [n, to, from, word, seq, peer, ...rest] = subject.split(".");
  const own = tokenOf(self);
  if (n !== "n" || to !== own || from === undefined || from === "" || rest.length > 0) return undefined;
  if (word === "nr") {
    const isOwn = from === own && peer !== undefined && peer !== "" && /^\d+$/.test(seq ?? "");
    return isOwn ? { kind: "absent", peer: nodeOf(peer), seq: Number(seq) } : undefined;
  }
  const lane = LANES.find((known) => known === word);
  const isFrame = lane !== undefined && seq === undefined && from !== own && isLinkName(nodeOf(from));
  return !isFrame ? undefined : { kind: "frame", from: nodeOf(from), lane };
}

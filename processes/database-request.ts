/**
 * What kv:distro:sys and sqlite:distro:sys are asked alike: something about one database of one package (contract kinode §6).
 *
 *   {"package_id":{"package_name":"chess","publisher_node":"me.os"},"db":"games","action":…}
 *
 * 1. A package's own processes may do everything with its databases. Others may read or write with the capability
 *    {"kind":"read"|"write","db_key":[package_id, db]} (contract kinode §4); to open and remove one is its package's alone.
 * 2. Whose right counts is `allowed`'s to say (lib/process/permission.ts): what came with the message comes first.
 */
import { allowed, type Context, type Message } from "jackfield/process";

export type DatabaseRequest = {
  readonly packageId: { readonly package_name: string; readonly publisher_node: string };
  /** `package:publisher`. */
  readonly owner: string;
  readonly db: string;
  /** What to do, and with what; `"Open"` has nothing beside. */
  readonly action: string;
  readonly given: Readonly<Record<string, unknown>>;
};

/** What an action does to a database. */
export type Access = "own" | "read" | "write";

/** An answer that says no: `{"Err": error}`. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly error: unknown;

  constructor(error: unknown) {
    super(`refused: ${JSON.stringify(error)}`);
    this.error = error;
  }
}

/**
 * @param bare of an action that is not written as an object, e.g. {"Get":[1]}: what its value is called
 * @throws {Refusal} MalformedRequest
 */
export function readDatabaseRequest(body: unknown, bare: Readonly<Record<string, string>>): DatabaseRequest {
  if (!isRecord(body) || !isRecord(body.package_id)) throw new Refusal("MalformedRequest");
  const { package_name, publisher_node } = body.package_id;
  const { db } = body;
  // Half a surrogate pair is no text: on the disk all of them are the same name.
  if (!isName(package_name) || !isName(publisher_node) || typeof db !== "string" || /^$|\p{Surrogate}/u.test(db)) {
    throw new Refusal("MalformedRequest");
  }
  const [action, given] = readAction(body.action, bare);
  const owner = `${package_name}:${publisher_node}`;
  return { packageId: { package_name, publisher_node }, owner, db, action, given };
}

/** @throws {Refusal} the sender may not */
export async function assertAllowed(
  ctx: Pick<Context, "host">,
  message: Message,
  { packageId, owner, db }: DatabaseRequest,
  access: Access,
): Promise<void> {
  const needs = { kind: access, db_key: [packageId, db] };
  if (await allowed(ctx, message, needs, { owner, facts: { db } })) return;
  throw new Refusal({ own: "MismatchingPackageId", read: "NoReadCap", write: "NoWriteCap" }[access]);
}

/** Answers when somebody waits for it: which is left to the sender. */
export function answer(ctx: Pick<Context, "respond">, to: Message, body: unknown, blob?: Uint8Array | string): void {
  if (to.rsvp === null) return;
  ctx.respond(body, blob === undefined ? { to } : { to, blob });
}

/** A whole number that JSON carries unharmed, or null. @throws {Refusal} MalformedRequest */
export function readTxId(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  if (!Number.isSafeInteger(value)) throw new Refusal("MalformedRequest");
  return value as number;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function readAction(
  action: unknown,
  bare: Readonly<Record<string, string>>,
): readonly [string, Readonly<Record<string, unknown>>] {
  if (typeof action === "string") return [action, {}];
  const [entry, ...more] = isRecord(action) ? Object.entries(action) : [];
  if (entry === undefined || more.length > 0) throw new Refusal("MalformedRequest");
  const [name, value] = entry;
  if (isRecord(value)) return [name, value];
  const field = bare[name];
  if (field === undefined) throw new Refusal("MalformedRequest");
  return [name, { [field]: value }];
}

/** It is part of a folder's name, too. */
function isName(value: unknown): value is string {
  return typeof value === "string" && /^[a-z0-9_-][a-z0-9_.-]*$/.test(value);
}

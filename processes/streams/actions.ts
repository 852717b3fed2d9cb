/**
 * What streams:distro:sys is asked, read: the wire is lib/protocol/streams.ts. What is not understood is MalformedRequest,
 * whatever else it holds is ignored.
 */
import type { StreamFault } from "jackfield/protocol";
import type { StreamLimits } from "./limits.ts";

/** An answer that says no: `{"Err": fault}`. */
export class StreamRefusal extends Error {
  override readonly name = "StreamRefusal";
  readonly fault: StreamFault;

  constructor(fault: StreamFault) {
    super(`refused: ${JSON.stringify(fault)}`);
    this.fault = fault;
  }
}

export type Fields = Readonly<Record<string, unknown>>;

/** The only key of `body`, and what is in it; `"Names"` has nothing in it. */
export function readAction(body: unknown): readonly [action: string, given: Fields] {
  if (typeof body === "string") return [body, {}];
  const [entry, ...more] = isRecord(body) ? Object.entries(body) : [];
  if (entry === undefined || more.length > 0 || !isRecord(entry[1])) throw new StreamRefusal("MalformedRequest");
  return [entry[0], entry[1]];
}

/** A name that is there, or not. */
export function readName({ name }: Fields): string {
  if (typeof name !== "string") throw new StreamRefusal("MalformedRequest");
  return name;
}

/** Keys of LabGraph's start request beside the name: one that is called so could not be asked for. */
const RESERVED: ReadonlySet<string> = new Set(["stream_id", "app_id"]);

/** A name that is to be there. @throws {StreamRefusal} BadName */
export function readNewName(given: Fields, { nameLength }: StreamLimits): string {
  const name = readName(given);
  const rule =
    name === "" || name.length > nameLength
      ? `a name has 1 to ${nameLength} characters, this one ${name.length}`
      : /\p{Surrogate}/u.test(name)
        ? "half a surrogate pair is no text"
        : RESERVED.has(name)
          ? "stream_id and app_id stand beside the name in what LabGraph's clients send"
          : undefined;
  if (rule === undefined) return name;
  throw new StreamRefusal({ BadName: { name: name.slice(0, nameLength), rule } });
}

/** @param usual when it is left out */
export function readFlag(value: unknown, usual: boolean | undefined): boolean {
  const flag = value ?? usual;
  if (typeof flag !== "boolean") throw new StreamRefusal("MalformedRequest");
  return flag;
}

/** A session of the process that asks. */
export type SessionKey = { readonly session: string | number; readonly stream_id: string };

export function readSession({ session, stream_id }: Fields, limits: StreamLimits): SessionKey {
  if (!(Number.isSafeInteger(session) || isId(session, limits)) || !isId(stream_id, limits)) {
    throw new StreamRefusal("MalformedRequest");
  }
  return { session: session as string | number, stream_id };
}

export function readAppId({ app_id = null }: Fields, limits: StreamLimits): string | null {
  if (app_id !== null && !isId(app_id, limits)) throw new StreamRefusal("MalformedRequest");
  return app_id;
}

function isId(value: unknown, { idLength }: StreamLimits): value is string {
  return typeof value === "string" && value.length <= idLength;
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

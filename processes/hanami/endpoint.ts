/**
 * What an endpoint of Hanami's REST is, whoever makes it: users, data sets, uploads, clusters.
 *
 * 1. `path` has no prefix and is the one of the newest generation (router.ts knows prefixes and older names).
 * 2. `fields` are checked before `handle` runs, in upstream's order (fields.ts): handle may trust them.
 * 3. What handle returns is the body of a 200. Anything else is an ApiError thrown; any other throw is a 500, and logged.
 * 4. Requests run side by side: handle holds up no other one, so what two of them change needs its own order.
 */
import type { Context } from "jackfield/process";

/** By the prefix of the request: `/control/v1`, `/v1` and `/v1.0alpha`. */
export type Generation = "G1" | "S/G2" | "G3";

/** Who asks, as the token says it. */
export type Caller = {
  /** The user's id, which a person logs in with. */
  readonly id: string;
  readonly name: string;
  readonly isAdmin: boolean;
  readonly projectId: string;
  readonly isProjectAdmin: boolean;
};

export type Method = "GET" | "POST" | "PUT" | "DELETE";
export type JsonObject = { readonly [key: string]: unknown };

/** A process's context without what depends on its state's type. */
export type Ctx = Omit<Context, "after" | "every">;

export type Call = {
  readonly generation: Generation;
  readonly caller: Caller;
  /** The fields, of the JSON body (POST, PUT) or of the query (GET, DELETE); checked. */
  readonly input: Readonly<Record<string, unknown>>;
  readonly ctx: Ctx;
};

export type FieldType = "text" | "integer" | "number" | "boolean" | "object" | "array";

export type FieldRule = {
  /** Several: any of them. */
  readonly type: FieldType | readonly FieldType[];
  /** Default true. */
  readonly required?: boolean;
  /** Of a text: all of it must match. */
  readonly pattern?: RegExp;
  /** Of a text its characters, of a number its value, of an array its elements. */
  readonly min?: number;
  readonly max?: number;
  /** A text of the query that looks like a number stays a text. */
  readonly keepsDigits?: boolean;
};

export type Endpoint = {
  readonly method: Method;
  /** E.g. `cluster/set_mode`. */
  readonly path: string;
  readonly fields: Readonly<Record<string, FieldRule>>;
  handle(call: Call): Result | Promise<Result>;
};

export type Result = JsonObject | JsonPieces;

/** A large answer as pieces of its JSON text, made as the client reads them. */
export class JsonPieces {
  readonly pieces: AsyncIterable<string>;

  constructor(pieces: AsyncIterable<string>) {
    this.pieces = pieces;
  }
}

/** The statuses that Hanami's clients understand besides 200: any other makes them fail without a reason. */
export type ErrorStatus = 400 | 401 | 404 | 409 | 500;

export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: ErrorStatus;

  /** @param text one sentence; it is the body of the answer, and what the SDK's exception carries */
  constructor(status: ErrorStatus, text: string) {
    super(text);
    this.status = status;
  }

  /** The body of the answer. */
  get text(): string {
    return this.message;
  }
}

/** 8-4-4-4-12 hexadecimal digits, either case: a malformed one is 400, an unknown one 404. */
export const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const UUID: FieldRule = { type: "text", pattern: UUID_PATTERN };
/** A letter first, then letters, digits, `_` or space. */
export const NAME: FieldRule = { type: "text", pattern: /^[A-Za-z][A-Za-z0-9_ ]*$/, min: 4, max: 256 };
/** Of a user. */
export const USER_ID: FieldRule = { type: "text", pattern: /^[A-Za-z][A-Za-z0-9_@]*$/, min: 4, max: 256 };

/** As upstream writes times: UTC, `YYYY-MM-DD hh:mm:ss`. @param at ms since the Unix epoch */
export function stamp(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace("T", " ");
}

/**
 * How a process asks kv:distro:sys or sqlite:distro:sys something about one database; ctx.kv and ctx.sqlite are made of it.
 *
 * What comes back as `{"Err": …}` is thrown as the error class of who asks.
 */
import {
  Address,
  type Blob,
  type BlobLike,
  type Capability,
  Envelope,
  type Host,
  type Message,
  ON_BEHALF,
  PackageId,
  type ProcessId,
  toBlob,
} from "../protocol/index.ts";

/** Which database, and by what right. */
export type DatabaseOptions = {
  /** Whose it is, as `package:publisher`. Default: this process's own package. */
  readonly package?: string;
  /** They go along with each request, and then count alone: those of this process's own package or holding do not. */
  readonly capabilities?: readonly Capability[];
  /** The sender of a message in whose name this is done: its capabilities go along, and no right of this process counts. */
  readonly onBehalfOf?: Pick<Message, "capabilities">;
  /** Seconds to wait for each answer. Default 5. */
  readonly seconds?: number;
};

/** @property kind the contract's name, e.g. `NoReadCap` @property facts what came with it, e.g. `{ max: 100 }` */
export type DatabaseFault = { readonly kind: string; readonly facts: unknown };

/** What to do about the faults that both have; behind the error's text. */
export const DATABASE_HINTS: Readonly<Record<string, string>> = {
  NoDb: ": a process of its package has to open it first",
  NoTx: ": it was committed, rolled back, or left alone for too long",
  NoReadCap: ': it takes a capability of kind "read" for this database',
  NoWriteCap: ': it takes a capability of kind "write" for this database',
  MismatchingPackageId: ": only a package's own processes open and remove its databases",
};

export type DatabaseAnswer = { readonly body: unknown; readonly blob: Blob | null };

const SECONDS = 5;

export class DatabaseCalls {
  readonly #host: Host;
  readonly #target: Address;
  readonly #packageId: PackageId;
  readonly #name: string;
  readonly #options: DatabaseOptions;
  readonly #errorOf: (fault: DatabaseFault, what: string) => Error;

  /** @throws {IdError} the package is no package id */
  constructor(
    host: Host,
    target: ProcessId,
    name: string,
    options: DatabaseOptions,
    errorOf: (fault: DatabaseFault, what: string) => Error,
  ) {
    this.#host = host;
    this.#target = new Address(host.our.node, target);
    this.#packageId = options.package === undefined ? host.our.id.packageId : PackageId.parse(options.package);
    this.#name = name;
    this.#options = options;
    this.#errorOf = errorOf;
  }

  /** Whether it is of this process's own package, and asked for in its own name: then it may be opened. */
  get isOwn(): boolean {
    const { capabilities, onBehalfOf } = this.#options;
    const isPlain = capabilities === undefined && onBehalfOf === undefined;
    return isPlain && this.#packageId.text === this.#host.our.id.packageId.text;
  }

  /** Rejects with the error class of who asks, or SendError. */
  async ask(action: unknown, blob: BlobLike | null = null): Promise<DatabaseAnswer> {
    const { our } = this.#host;
    const body = {
      package_id: { package_name: this.#packageId.packageName, publisher_node: this.#packageId.publisher },
      db: this.#name,
      action,
    };
    const request = new Envelope("request", our, this.#target, body, blob === null ? null : toBlob(blob));
    request.expectsResponse = this.#options.seconds ?? SECONDS;
    request.capabilities = this.#attached();
    const answer = await this.#host.call(request);
    const fault = faultIn(answer.body);
    if (fault !== undefined) throw this.#errorOf(fault, `${this.#packageId.text}/${this.#name}`);
    return answer;
  }

  #attached(): readonly Capability[] {
    const { capabilities = [], onBehalfOf } = this.#options;
    if (onBehalfOf === undefined && this.#options.capabilities === undefined) return [];
    // Also where nothing comes of what is attached, as it has been revoked: what is left must not be our own right.
    return [...capabilities, ...(onBehalfOf?.capabilities ?? []), { issuer: this.#host.our.text, params: ON_BEHALF }];
  }
}

/** The part of an answer that is called `name`. */
export function partOf(body: unknown, name: string): Readonly<Record<string, unknown>> {
  const part = typeof body === "object" && body !== null ? (body as Record<string, unknown>)[name] : undefined;
  return typeof part === "object" && part !== null ? (part as Readonly<Record<string, unknown>>) : {};
}

function faultIn(body: unknown): DatabaseFault | undefined {
  if (typeof body !== "object" || body === null || !("Err" in body)) return undefined;
  const { Err: error } = body;
  if (typeof error === "string") return { kind: error, facts: null };
  const [entry] = typeof error === "object" && error !== null ? Object.entries(error) : [];
  return entry === undefined ? { kind: "Unknown", facts: error } : { kind: entry[0], facts: entry[1] };
}

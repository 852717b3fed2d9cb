/**
 * Names of processes: `process:package:publisher`, and `node@` before it for an address (contract kinode §1).
 *
 * 1. Parsing checks separators and emptiness only, as the runtime of the contract does; `strict` also checks letters.
 * 2. Values are immutable and compare by `text`, which is made once.
 * 3. Case matters. Nothing is trimmed or folded.
 */
import { IdError } from "./errors.ts";

/** Letters of process and package names. `_` is ours: every name before 2024-10 used it (DESIGN §1). */
const NAME = /^[a-z0-9_-]+$/;
/** Letters of nodes and publishers. */
const NODE = /^[a-z0-9_.-]+$/;
/** What tells instances of a keyed family apart: an id of something, as users and other programs make them. */
const KEY = /^[A-Za-z0-9._-]{1,128}$/;

/** As a node: whichever one holds that name of the cluster (docs/adr/0037). */
export const ANY_NODE = "*";

/** `package:publisher`. */
export class PackageId {
  readonly packageName: string;
  readonly publisher: string;
  readonly text: string;

  constructor(packageName: string, publisher: string) {
    this.packageName = packageName;
    this.publisher = publisher;
    this.text = `${packageName}:${publisher}`;
  }

  /** @throws {IdError} MissingField, TooManyColons */
  static parse(text: string): PackageId {
    const parts = text.split(":");
    if (parts.length > 2)
      throw new IdError("TooManyColons", "package id", text, "it has more than one colon: write package:publisher");
    const [packageName, publisher] = parts;
    if (!packageName || !publisher)
      throw new IdError("MissingField", "package id", text, "a part is missing: write package:publisher");
    return new PackageId(packageName, publisher);
  }

  toString(): string {
    return this.text;
  }
}

/** `process:package:publisher`. */
export class ProcessId {
  readonly process: string;
  readonly package: string;
  readonly publisher: string;
  readonly text: string;

  constructor(process: string, packageName: string, publisher: string) {
    this.process = process;
    this.package = packageName;
    this.publisher = publisher;
    this.text = `${process}:${packageName}:${publisher}`;
  }

  /**
   * @param options.strict also refuse letters outside the safe set
   * @throws {IdError} MissingField, TooManyColons; InvalidCharacter when strict
   */
  static parse(text: string, options?: { readonly strict?: boolean }): ProcessId {
    const parts = text.split(":");
    if (parts.length > 3)
      throw new IdError(
        "TooManyColons",
        "process id",
        text,
        "it has more than two colons: write process:package:publisher",
      );
    const [process, packageName, publisher] = parts;
    if (!process || !packageName || !publisher) {
      throw new IdError("MissingField", "process id", text, "a part is missing: write process:package:publisher");
    }
    const id = new ProcessId(process, packageName, publisher);
    if (options?.strict && !id.isSafe()) {
      throw new IdError(
        "InvalidCharacter",
        "process id",
        text,
        "a part has other letters than a-z 0-9 - _ (a publisher may have dots)",
      );
    }
    return id;
  }

  /** Whether every part keeps to the safe letters (contract kinode §1.3; `_` allowed by DESIGN §1). */
  isSafe(): boolean {
    return NAME.test(this.process) && NAME.test(this.package) && NODE.test(this.publisher);
  }

  /** `42` of `room/42:chat:template.os`, an instance of a keyed family; undefined: it has none. */
  get key(): string | undefined {
    const at = this.process.indexOf("/");
    return at < 0 ? undefined : this.process.slice(at + 1);
  }

  /** `room:chat:template.os` of `room/42:chat:template.os`; itself where it has no key. */
  get family(): ProcessId {
    const at = this.process.indexOf("/");
    return at < 0 ? this : new ProcessId(this.process.slice(0, at), this.package, this.publisher);
  }

  /** Whether it names an instance of a keyed family: a safe name, and a key of 1 to 128 of the letters A-Z a-z 0-9 . _ - */
  isInstance(): boolean {
    const { key } = this;
    return key !== undefined && KEY.test(key) && this.family.isSafe();
  }

  get packageId(): PackageId {
    return new PackageId(this.package, this.publisher);
  }

  equals(other: ProcessId | string): boolean {
    return this.text === (typeof other === "string" ? other : other.text);
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** `node@process:package:publisher`. The node `our` stands for the local one; the kernel replaces it. */
export class Address {
  readonly node: string;
  readonly id: ProcessId;
  readonly text: string;

  constructor(node: string, id: ProcessId) {
    this.node = node;
    this.id = id;
    this.text = `${node}@${id.text}`;
  }

  /** @throws {IdError} MissingNodeId, TooManyAts, MissingField, TooManyColons */
  static parse(text: string): Address {
    const parts = text.split("@");
    if (parts.length > 2)
      throw new IdError("TooManyAts", "address", text, "it has more than one @: write node@process:package:publisher");
    const [node, rest] = parts;
    if (!node || rest === undefined) {
      throw new IdError("MissingNodeId", "address", text, "the node is missing: write node@process:package:publisher");
    }
    return new Address(node, ProcessId.parse(rest));
  }

  equals(other: Address | string): boolean {
    return this.text === (typeof other === "string" ? other : other.text);
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** Whether `name` may name a node: `[a-z0-9_.-]+`. */
export function isSafeNodeName(name: string): boolean {
  return NODE.test(name);
}

/** An address, or its text with or without the node (without: the local one). */
export type AddressLike = Address | ProcessId | string;

/**
 * @param our the node that a bare process id, and the node `our`, stand for
 * @throws {IdError}
 */
export function toAddress(value: AddressLike, our: string): Address {
  if (value instanceof Address) return value.node === "our" ? new Address(our, value.id) : value;
  if (value instanceof ProcessId) return new Address(our, value);
  // Neither, and no text: one of another copy of this library, a package's own.
  if (typeof value !== "string") return toAddress(String(value), our);
  if (!value.includes("@")) return new Address(our, ProcessId.parse(value));
  const address = Address.parse(value);
  return address.node === "our" ? new Address(our, address.id) : address;
}

export const HTTP_SERVER: ProcessId = new ProcessId("http-server", "distro", "sys");
export const KERNEL: ProcessId = new ProcessId("kernel", "distro", "sys");
export const STATE: ProcessId = new ProcessId("state", "distro", "sys");

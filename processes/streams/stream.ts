/** One name, and one process that has to do with names: what names.ts keeps. */
import type { Address } from "jackfield/process";
import type { StreamKind } from "jackfield/protocol";
import type { SessionKey } from "./actions.ts";

/** Who it is that asks, and what of it ends with it. */
export class Party {
  readonly address: Address;
  readonly declared = new Set<Stream>();
  readonly heard = new Set<Stream>();
  readonly opened = new Set<Stream>();

  constructor(address: Address) {
    this.address = address;
  }

  get isIdle(): boolean {
    return this.declared.size + this.heard.size + this.opened.size === 0;
  }
}

/** @property entitled it was let in by a capability */
export type Listener = { readonly address: Address; readonly entitled: boolean };

export type Session = SessionKey & { readonly opener: Address; readonly app_id: string | null };

export class Stream {
  readonly name: string;
  kind: StreamKind;
  /** Null: withdrawn. */
  owner: Address | null = null;
  /** Its owner has declared it since its incarnation began. */
  alive = false;
  /** Its owner will not come back. */
  gone = false;
  ready = true;
  private = false;
  readonly listeners = new Map<string, Listener>();
  /** Of an input. */
  session: Session | null = null;

  constructor(name: string, kind: StreamKind) {
    this.name = name;
    this.kind = kind;
  }

  get isUsed(): boolean {
    return this.listeners.size > 0 || this.session !== null;
  }
}

export function isOwner({ owner }: Stream, by: Address): boolean {
  return owner !== null && owner.id.text === by.id.text;
}

export function isSamePackage(a: Address, b: Address): boolean {
  return a.id.packageId.text === b.id.packageId.text;
}

/**
 * The paths that processes claimed, for HTTP and for WebSockets.
 *
 * 1. A path stands under `/<process id>`; only homepage:homepage:sys owns bare ones (contract kinode §5.3).
 * 2. Unbinding removes: the `/` of the process serves the path again. (The original leaves a tombstone that shadows it.)
 * 3. When a process is gone its bindings go; its paths answer 503 while it is among the last `goneProcesses`.
 */
import type { Process } from "../kernel/index.ts";
import type { Clock, ExtensionBlob, HttpFallback, ProcessId, SlowReaderPolicy } from "../lib/protocol/index.ts";
import { type AdmissionRules, Gate } from "./admission.ts";
import { BoundTokens } from "./bearer-token.ts";
import type { HttpServerLimits } from "./limits.ts";
import type { OpeningTerms } from "./opening.ts";
import { type Match, Router, slotOf, withoutTrailingSlash } from "./router.ts";
import { StaticBytes } from "./static-bytes.ts";
import type { StaticContent } from "./static-content.ts";
import { Subdomains } from "./subdomains.ts";

const HOMEPAGE = "homepage:homepage:sys";

export type HttpBinding = {
  readonly owner: Process;
  readonly authenticated: boolean;
  readonly localOnly: boolean;
  /** Only on the package's secure subdomain, whose login it wants. */
  readonly secure: boolean;
  /** Static content; null: the process is asked. */
  readonly content: StaticContent | null;
  /** For paths below that are not bound; what stands at a process's `/` decides. */
  readonly fallback: HttpFallback;
  /** The process reads the body itself, in pieces. */
  readonly streamBody: boolean;
  /** null: it is open to all that may come otherwise. */
  readonly gate: Gate | null;
};

export type WsBinding = {
  readonly owner: Process;
  readonly authenticated: boolean;
  /** As of HttpBinding. */
  readonly secure: boolean;
  /** How blobs are written to the extensions that come here; null: it is for any client. */
  readonly extension: ExtensionBlob | null;
  readonly slowReader: SlowReaderPolicy;
  /** Bytes. */
  readonly sendLimit: number;
  /** Whether permessage-deflate is taken when a client offers it. */
  readonly compress: boolean;
  /** null: it is open to all that may come otherwise. */
  readonly gate: Gate | null;
} & OpeningTerms;

/** A WebSocket binding as it stands. */
export type WsRoute = WsBinding & {
  /** What the process is told of a socket that asked for just the path that was bound: one text for all of them. */
  readonly path: string;
};

/** Paths by slot: `/m/:id` and `/m/:other` are one, and count as one. */
type Paths = {
  readonly http: Map<string, string>;
  readonly ws: Map<string, string>;
  readonly tokens: BoundTokens;
};

export class Bindings {
  readonly subdomains: Subdomains = new Subdomains();
  readonly #limits: HttpServerLimits;
  readonly #http = new Router<HttpBinding>();
  readonly #ws = new Router<WsRoute>();
  readonly #pathsOf = new Map<string, Paths>(); // by process id
  readonly #gone = new Set<string>(); // process ids, oldest first
  /** What all content takes together. */
  readonly staticBytes: StaticBytes;

  constructor(limits: HttpServerLimits) {
    this.#limits = limits;
    this.staticBytes = new StaticBytes(limits.staticBytes);
  }

  /** @returns false when a limit is reached */
  bindHttp(path: string, binding: HttpBinding): boolean {
    const stored = storedPath(binding.owner.address.id, path);
    const paths = this.#paths(binding.owner);
    if (!paths.http.has(slotOf(stored)) && this.#full(paths)) return false;
    // What it replaces makes room: a process that restarts binds the same files again.
    const replaced = this.#http.get(stored)?.content ?? null;
    if (!this.staticBytes.take(binding.content?.heldBytes ?? 0, replaced?.heldBytes ?? 0)) return false;
    if (replaced !== null) replaced.isDropped = true;
    this.#http.set(stored, binding);
    paths.http.set(slotOf(stored), stored);
    return true;
  }

  unbindHttp(owner: Process, path: string): void {
    const stored = storedPath(owner.address.id, path);
    this.#drop(this.#http.delete(stored));
    this.#pathsOf.get(owner.address.id.text)?.http.delete(slotOf(stored));
  }

  /** @returns false when a limit is reached */
  bindWs(path: string, binding: WsBinding): boolean {
    const stored = storedPath(binding.owner.address.id, path);
    const paths = this.#paths(binding.owner);
    if (!paths.ws.has(slotOf(stored)) && this.#full(paths)) return false;
    this.#ws.set(stored, { ...binding, path: ownPath(stored, binding.owner.address.id) });
    paths.ws.set(slotOf(stored), stored);
    return true;
  }

  /** Keeps count of the sockets that are there, of a path that is bound again, and of those that it counts with. */
  wsGate(owner: Process, path: string, rules: AdmissionRules | null, clock: Clock): Gate | null {
    if (rules === null) return null;
    const { ws, tokens } = this.#paths(owner);
    const { shared } = rules;
    const candidates = shared === null ? [storedPath(owner.address.id, path)] : [...ws.values()];
    const gates = candidates.map((stored) => this.#ws.get(stored)?.gate);
    const gate = gates.find((one) => one?.shared === shared);
    gate?.rule(rules);
    return gate ?? new Gate(rules, tokens, clock);
  }

  httpGate(owner: Process, rules: AdmissionRules | null, clock: Clock): Gate | null {
    return rules === null ? null : new Gate(rules, this.#paths(owner).tokens, clock);
  }

  unbindWs(owner: Process, path: string): void {
    const stored = storedPath(owner.address.id, path);
    this.#ws.delete(stored);
    this.#pathsOf.get(owner.address.id.text)?.ws.delete(slotOf(stored));
  }

  /**
   * Falls back to what is bound at the first segment alone: a process's `/` serves its unbound sub-paths.
   * @param isPage whether the request is for a page: a fallback may be for these only
   */
  matchHttp(path: string, isPage: (path: string) => boolean): Match<HttpBinding> | undefined {
    const asked = withoutTrailingSlash(path);
    const found = this.#http.match(asked);
    if (found !== undefined) return found;
    const root = this.#http.match(`/${asked.split("/")[1] ?? ""}`);
    if (root === undefined || root.value.fallback === "none") return undefined;
    return root.value.fallback === "all" || isPage(asked) ? root : undefined;
  }

  /** No fallback (contract kinode §5.3). */
  matchWs(path: string): Match<WsRoute> | undefined {
    return this.#ws.match(withoutTrailingSlash(path));
  }

  /** Whether `path` belonged to a process that exists no more. */
  isGone(path: string): boolean {
    return this.#gone.has(path.split("/")[1] ?? "");
  }

  forget(owner: Process): void {
    this.subdomains.forget(owner.address.id);
    const id = owner.address.id.text;
    const paths = this.#pathsOf.get(id);
    if (paths === undefined) return;
    for (const path of paths.http.values()) this.#drop(this.#http.delete(path));
    for (const path of paths.ws.values()) this.#ws.delete(path);
    this.#pathsOf.delete(id);
    this.#gone.add(id);
    if (this.#gone.size > this.#limits.goneProcesses) {
      const [oldest] = this.#gone;
      if (oldest !== undefined) this.#gone.delete(oldest);
    }
  }

  #paths(owner: Process): Paths {
    const id = owner.address.id.text;
    let paths = this.#pathsOf.get(id);
    if (paths === undefined) {
      paths = { http: new Map(), ws: new Map(), tokens: new BoundTokens() };
      this.#pathsOf.set(id, paths);
      this.#gone.delete(id);
    }
    return paths;
  }

  #drop(binding: HttpBinding | undefined): void {
    const content = binding?.content ?? null;
    if (content === null) return;
    content.isDropped = true;
    this.staticBytes.release(content.heldBytes);
  }

  #full(paths: Paths): boolean {
    return paths.http.size + paths.ws.size >= this.#limits.bindingsPerProcess;
  }
}

/** The path under which a binding is kept: the table of contract kinode §5.3 (1). */
export function storedPath(owner: ProcessId, path: string): string {
  const prefix = owner.text === HOMEPAGE ? "" : `/${owner.text}`;
  if (path === "") return `${prefix}/`; // reached by two slashes only
  return withoutTrailingSlash(prefix + (path.startsWith("/") ? path : `/${path}`));
}

/** What a process is told of a path: without its own id (contract kinode §5.6). */
export function ownPath(path: string, owner: ProcessId): string {
  const prefix = `/${owner.text}`;
  return path.startsWith(prefix) ? path.slice(prefix.length) || "/" : path;
}

/**
 * Frames over NATS, and the only door to its client (contracts/cluster.md §3, §6).
 *
 * 1. Plain publishes and one subscription. No request and reply of the client's: they cost twice as much, and whoever
 *    answers to a reply subject can be made to speak in another's name (contracts/cluster.md §5).
 * 2. A message with headers is dropped, but for a server's 503; nothing is ever published to a reply subject.
 * 3. While the client is disconnected it takes messages and throws them away: the kernel is told `down`, and sends none.
 * 4. Two nodes of one name would take from each other: nats-name.ts.
 * 5. A frozen server is not noticed by the client alone: when its pings stay unanswered the socket is cut here.
 */
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import {
  connect,
  type Msg,
  type NatsConnection,
  type NodeConnectionOptions,
  nkeyAuthenticator,
  type Status,
} from "@nats-io/transport-node";
import { textOf } from "../../lib/protocol/index.ts";
import { LinkError } from "./errors.ts";
import { INLINE_BYTES } from "./limits.ts";
import { isWorthWaiting, patiently } from "./nats-first.ts";
import { NatsName } from "./nats-name.ts";
import { absenceSubject, readSubject, subjectOf, tokenOf } from "./nats-subjects.ts";
import type { Lane, Wire, WireEvents } from "./wire.ts";

const CONNECT_MS = 1_500; // of one server: a frozen one is dialled first, and would cost the client's own 20 s
const RECONNECT_MS = 50; // and up to RECONNECT_SPREAD_MS more, so that not all nodes dial at once
const RECONNECT_SPREAD_MS = 100;
const PING_MS = 1_500;
const PINGS_MAX = 2; // unanswered ones
const CLOSE_MS = 1_000; // for what was sent to leave: a server that is frozen or gone takes nothing
const STALE_MS = 250; // for the client to end a stale connection by itself
const PAYLOAD_MIN = 2 * INLINE_BYTES; // the largest frame, with room for what is around it
const PEERS_MAX = 10_000; // subjects remembered, some 100 bytes each: more than any cluster has
const NO_RESPONDERS = 503;

/** Of every connection of a node to the servers. */
export const CONNECTION: Pick<
  NodeConnectionOptions,
  "maxReconnectAttempts" | "timeout" | "reconnectDelayHandler" | "pingInterval" | "maxPingOut" | "noAsyncTraces"
> = {
  maxReconnectAttempts: -1,
  timeout: CONNECT_MS,
  reconnectDelayHandler: (): number => RECONNECT_MS + Math.random() * RECONNECT_SPREAD_MS,
  pingInterval: PING_MS,
  maxPingOut: PINGS_MAX,
  noAsyncTraces: true,
};

export type NatsOptions = {
  /** This node's name. */
  readonly node: string;
  /** `nats://127.0.0.1:4222`, `tls://…` */
  readonly servers: readonly string[];
  /** Seed of its nkey; left out: the servers let anybody in. */
  readonly seed?: string;
  /** Files in PEM. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** ms that the first server is waited for, and one of its name that does not answer; left out: not at all. */
  readonly patienceMs?: number;
  /** It is to succeed the node that has its name: told that it waits for that one to leave. Left out: it is refused. */
  readonly onHeld?: () => void;
};

export class NatsWire implements Wire {
  readonly where: string;
  readonly #options: NatsOptions;
  readonly #subjects = new Map<string, string>(); // by peer and lane
  readonly #absences = new Map<string, readonly [before: string, after: string]>(); // by peer: around the seq
  readonly #arrivals = new Map<string, ReturnType<typeof readSubject>>(); // by subject, of frames
  #nc: NatsConnection | null = null;
  #isClosing = false;

  constructor(options: NatsOptions) {
    this.#options = options;
    this.where = options.servers.join(", ");
  }

  async open(events: WireEvents): Promise<void> {
    const { node, patienceMs = 0, onHeld } = this.#options;
    const nc = await patiently(
      () => this.#dial(),
      patienceMs,
      () => !this.#isClosing,
    ).catch((cause) => {
      throw this.#notLetIn(cause, patienceMs);
    });
    if (this.#isClosing) await nc.close();
    this.#nc = nc;
    const name = new NatsName(nc, node, this.where, (error) => this.#leave(events, error));
    try {
      this.#assertPayload(nc);
      await name.take({ patienceMs, onHeld });
    } catch (error) {
      this.#nc = null;
      await nc.close();
      if (this.#isClosing) throw new LinkError(this.where, "the node stopped before it was linked: start it again");
      throw error;
    }
    const statuses = nc.status(); // what happens from now on: also while its interest spreads
    nc.subscribe(`n.${tokenOf(node)}.>`, {
      callback: (error, message) => {
        if (error === null) this.#take(events, message);
      },
    });
    await nc.flush().catch(() => undefined); // its interest is known; a break shows up below
    events.up();
    void this.#watch(nc, statuses, events, name);
  }

  async #dial(): Promise<NatsConnection> {
    const { node, servers, seed, tls } = this.#options;
    return await connect({
      servers: [...servers],
      name: node,
      inboxPrefix: `_INBOX_${tokenOf(node)}`,
      ...CONNECTION,
      noEcho: true, // nats-name.ts
      ignoreAuthErrorAbort: true, // while servers are told of new keys, one may refuse twice: that is no reason to give up
      ...(seed === undefined ? {} : { authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)) }),
      ...(tls === undefined ? {} : { tls: tlsOf(tls, servers) }),
    });
  }

  #notLetIn(cause: unknown, patienceMs: number): LinkError {
    const { seed, tls } = this.#options;
    const tried = patienceMs > 0 && isWorthWaiting(cause) ? `, tried for ${patienceMs} ms: limits.linkStart` : "";
    const wants = "; one that jackfield cluster init wrote wants a certificate: --link-cert"; // it says so too late for TLS 1.3
    const hint = seed !== undefined && tls?.cert === undefined ? wants : "";
    return new LinkError(this.where, `none of its servers lets it in: ${textOf(cause)}${tried}${hint}`, { cause });
  }

  #assertPayload(nc: NatsConnection): void {
    const { max_payload: payload = 0 } = nc.info ?? {};
    if (payload >= PAYLOAD_MIN) return;
    const rule = `its max_payload must be at least ${PAYLOAD_MIN} bytes: ${payload}, set it to 1MB`;
    throw new LinkError(this.where, rule);
  }

  /** Another has its name with more right. */
  #leave(events: WireEvents, error: LinkError): void {
    if (this.#isClosing) return;
    events.down();
    events.failed?.(error);
    void this.close();
  }

  send(peer: string, lane: Lane, seq: number, bytes: Uint8Array): void {
    const nc = this.#nc;
    if (nc === null || nc.isClosed()) return;
    const subject = this.#subject(peer, lane);
    if (seq === 0) nc.publish(subject, bytes);
    else nc.publish(subject, bytes, { reply: this.#absence(peer, seq) });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const nc = this.#nc;
    if (nc === null || nc.isClosed()) return;
    await Promise.race([nc.flush().catch(() => undefined), sleep(CLOSE_MS, undefined, { ref: false })]);
    socketOf(nc)?.unref(); // a frozen server must not hold up the end of the process
    await nc.close();
  }

  #subject(peer: string, lane: Lane): string {
    const key = `${lane}${peer}`;
    let subject = this.#subjects.get(key);
    if (subject === undefined) {
      if (this.#subjects.size >= PEERS_MAX) this.#subjects.clear();
      subject = subjectOf(peer, this.#options.node, lane);
      this.#subjects.set(key, subject);
    }
    return subject;
  }

  #absence(peer: string, seq: number): string {
    let around = this.#absences.get(peer);
    if (around === undefined) {
      if (this.#absences.size >= PEERS_MAX) this.#absences.clear();
      const whole = absenceSubject(this.#options.node, peer, 0);
      const after = whole.slice(whole.lastIndexOf("."));
      around = [whole.slice(0, -after.length - 1), after];
      this.#absences.set(peer, around);
    }
    return around[0] + seq + around[1];
  }

  /** Those of frames are a few, and come again and again. */
  #arrived(subject: string): ReturnType<typeof readSubject> {
    const known = this.#arrivals.get(subject);
    if (known !== undefined) return known;
    const arrived = readSubject(subject, this.#options.node);
    if (arrived?.kind !== "frame") return arrived;
    if (this.#arrivals.size >= PEERS_MAX) this.#arrivals.clear();
    this.#arrivals.set(subject, arrived);
    return arrived;
  }

  #take(events: WireEvents, message: Msg): void {
    const arrived = this.#arrived(message.subject);
    if (arrived === undefined) return;
    const { headers } = message;
    if (arrived.kind === "absent") {
      if (headers?.code === NO_RESPONDERS) events.absent(arrived.peer, arrived.seq);
    } else if (headers === undefined) events.frame(arrived.from, arrived.lane, message.data);
  }

  async #watch(nc: NatsConnection, statuses: AsyncIterable<Status>, events: WireEvents, name: NatsName): Promise<void> {
    for await (const status of statuses) {
      if (this.#isClosing) return;
      this.#heard(nc, status, events);
      if (status.type === "reconnect") name.reconnected();
    }
  }

  #heard(nc: NatsConnection, { type }: Status, events: WireEvents): void {
    if (type === "disconnect") events.down();
    else if (type === "reconnect") events.up();
    else if (type === "staleConnection") {
      events.down();
      const stale = socketOf(nc); // not the next one, which it may have by then
      setTimeout(() => stale?.destroy(), STALE_MS).unref();
    }
  }
}

type Socket = { destroy(): void; unref(): void };

/** A private field of the client's, of the version that package.json names: with its buffer full it waits for ever. */
export function socketOf(nc: NatsConnection): Socket | undefined {
  const { protocol } = nc as unknown as { readonly protocol?: { readonly transport?: { readonly socket?: Socket } } };
  return protocol?.transport?.socket;
}

/**
 * The client does not say which server it dials when that is an address, and Node then compares with "localhost": here, with
 * the addresses that were given.
 */
function identityOf(servers: readonly string[]): (host: string, cert: PeerCertificate) => Error | undefined {
  const hosts = servers.map((url) => new URL(url).hostname.replace(/^\[|\]$/g, ""));
  const unsaid = hosts.filter((host) => isIP(host) !== 0 || host === "localhost");
  return (host, cert) => {
    const meant = host === "localhost" && unsaid.length > 0 ? unsaid : [host];
    const errors = meant.map((name) => checkServerIdentity(name, cert));
    return errors.includes(undefined) ? undefined : errors[0];
  };
}

type ClientTls = Record<string, string | ReturnType<typeof identityOf>>;

export function tlsOf({ ca, cert, key }: NonNullable<NatsOptions["tls"]>, servers: readonly string[]): ClientTls {
  return {
    ...(ca === undefined ? {} : { caFile: ca }),
    ...(cert === undefined ? {} : { certFile: cert }),
    ...(key === undefined ? {} : { keyFile: key }),
    checkServerIdentity: identityOf(servers), // the client hands it on to Node as it is
  };
}

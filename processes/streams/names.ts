/**
 * The names there are: whose each is, who listens, which session has an input.
 *
 * 1. A name is one process's, until it withdraws it. When that ends, the name stays its own, and is not alive until it
 *    declares it again; when it is gone for good, any process of its package may.
 * 2. Listeners and the session of an input stay with the name, whoever has it next. But where it is private then, only those who
 *    would have been let in; and where it is the other kind, nobody.
 * 3. What a process listens to, and what it has open, ends with its incarnation.
 * 4. A name that nobody has and nobody uses is forgotten: at once when it was withdrawn, when room is needed otherwise.
 */
import type { Address } from "jackfield/process";
import type { StreamEntry, StreamEvent, StreamKind } from "jackfield/protocol";
import { type SessionKey, StreamRefusal } from "./actions.ts";
import type { StreamLimits } from "./limits.ts";
import { isOwner, isSamePackage, Party, Stream } from "./stream.ts";

/** What follows from what is done here. Of one incarnation of streams:distro:sys. */
export type NamesPort = {
  tell(to: Address, event: StreamEvent): void;
  /** From now on the end of `process` is to be told by `down`; no more, when it is not `watched`. */
  watch(process: Address, watched: boolean): void;
};

export type Declared = {
  readonly kind: StreamKind;
  readonly name: string;
  readonly ready: boolean;
  readonly private: boolean;
};

export class Names {
  readonly #limits: StreamLimits;
  readonly #streams = new Map<string, Stream>(); // by name, in the order they came
  readonly #parties = new Map<string, Party>(); // by process id
  #port: NamesPort;

  constructor(limits: StreamLimits, port: NamesPort) {
    this.#limits = limits;
    this.#port = port;
  }

  /** The next incarnation of streams:distro:sys takes it over. */
  adopt(port: NamesPort): void {
    this.#port = port;
    for (const { address } of this.#parties.values()) port.watch(address, true);
  }

  list(): readonly StreamEntry[] {
    return [...this.#streams.values()].map(({ name, kind, owner, ready, private: isPrivate, alive, ...stream }) => ({
      name,
      kind,
      owner: owner?.text ?? null,
      ready,
      private: isPrivate,
      alive,
      listeners: stream.listeners.size + (stream.session === null ? 0 : 1),
    }));
  }

  /** @returns what is to be told behind the answer @throws {StreamRefusal} NameTaken, LimitReached */
  declare(by: Address, { kind, name, ready, private: isPrivate }: Declared): () => void {
    const known = this.#streams.get(name);
    if (known !== undefined) this.#assertFree(known, by, kind);
    const { namesOfProcess } = this.#limits;
    const declared = this.#parties.get(by.id.text)?.declared;
    const isNew = known === undefined || declared?.has(known) !== true;
    if (isNew && (declared?.size ?? 0) >= namesOfProcess) throw limit("namesOfProcess", namesOfProcess);
    this.#assertRoomFor(by);
    const stream = known ?? this.#add(name, kind);
    const party = this.#party(by);
    const wasAlive = stream.alive;
    if (stream.kind !== kind) this.#empty(stream);
    Object.assign(stream, { kind, owner: by, ready, private: isPrivate, alive: true, gone: false });
    party.declared.add(stream);
    this.#keepOut(stream, by);
    return () => {
      this.#tellCount(stream, wasAlive || stream.listeners.size > 0);
      if (!wasAlive) this.#tellOpened(stream);
    };
  }

  /** @throws {StreamRefusal} NotOwner, NonExistentStream */
  setReady(by: Address, name: string, ready: boolean): void {
    this.#own(by, name, true).ready = ready;
  }

  /** @throws {StreamRefusal} NotOwner, NonExistentStream */
  withdraw(by: Address, name: string): void {
    const stream = this.#own(by, name, false);
    stream.owner = null;
    stream.alive = false;
    const party = this.#parties.get(by.id.text);
    party?.declared.delete(stream);
    this.#rest(party);
    this.#forgetUnused(stream);
  }

  /** Nobody listens, or it is not `by`'s to publish: nothing happens. */
  publish(by: Address, name: string, data: unknown, produced_timestamp_s: number): void {
    const stream = this.#streams.get(name);
    if (stream === undefined || !isOwner(stream, by) || !stream.alive) return; // an input has no listeners
    const sample = { Sample: { name, data, produced_timestamp_s } }; // one for all: a body is a value
    for (const { address } of stream.listeners.values()) this.#port.tell(address, sample);
  }

  /** What there is to listen to. @throws {StreamRefusal} NonExistentStream, NotReady */
  assertHeard(name: string): { readonly private: boolean; readonly owner: Address } {
    const stream = this.#streams.get(name);
    const { owner } = stream ?? { owner: null };
    if (stream?.kind !== "output" || !stream.alive || owner === null) throw fault("NonExistentStream", { name });
    if (!stream.ready) throw fault("NotReady", { name });
    return { private: stream.private, owner };
  }

  /** @param entitled it was let in by a capability @throws {StreamRefusal} LimitReached, and as `assertHeard` */
  listen(by: Address, name: string, entitled: boolean): void {
    this.assertHeard(name);
    const stream = this.#streams.get(name) as Stream; // or assertHeard had thrown
    const { listenersOfName, namesHeard } = this.#limits;
    const isNew = !stream.listeners.has(by.id.text);
    if (isNew && stream.listeners.size >= listenersOfName) throw limit("listenersOfName", listenersOfName);
    if (isNew && (this.#parties.get(by.id.text)?.heard.size ?? 0) >= namesHeard) throw limit("namesHeard", namesHeard);
    const party = this.#party(by);
    party.heard.add(stream);
    stream.listeners.set(by.id.text, { address: party.address, entitled });
    this.#tellCount(stream, isNew);
  }

  unlisten(by: Address, name: string): void {
    const stream = this.#streams.get(name);
    if (stream === undefined || !this.#drop(stream, by.id.text)) return;
    this.#tellCount(stream, true);
    this.#rest(this.#parties.get(by.id.text));
    this.#forgetUnused(stream);
  }

  /** @throws {StreamRefusal} NonExistentStream, InputTaken, LimitReached */
  open(by: Address, name: string, key: SessionKey, app_id: string | null): void {
    const stream = this.#streams.get(name);
    if (stream?.kind !== "input" || !stream.alive) throw fault("NonExistentStream", { name });
    if (stream.session !== null) throw fault("InputTaken", { name });
    const { inputsOpen } = this.#limits;
    if ((this.#parties.get(by.id.text)?.opened.size ?? 0) >= inputsOpen) throw limit("inputsOpen", inputsOpen);
    const party = this.#party(by);
    stream.session = { ...key, opener: party.address, app_id };
    party.opened.add(stream);
    this.#tellOpened(stream);
  }

  /** It is not open, or its owner is not there: nothing happens. */
  feed(by: Address, name: string, key: SessionKey, samples: readonly unknown[]): void {
    const stream = this.#opened(by, name, key);
    if (stream?.owner == null || !stream.alive || stream.session === null) return;
    const { opener: _opener, ...session } = stream.session;
    this.#port.tell(stream.owner, { InputSamples: { name, ...session, samples } });
  }

  /** Where it is not open, nothing happens. */
  close(by: Address, name: string, key: SessionKey): void {
    const stream = this.#opened(by, name, key);
    if (stream === undefined) return;
    this.#close(stream);
    this.#rest(this.#parties.get(by.id.text));
    this.#forgetUnused(stream);
  }

  /** An incarnation has ended. @param restarts the next one follows */
  down(process: string, restarts: boolean): void {
    const party = this.#parties.get(process);
    if (party === undefined) return;
    for (const stream of party.declared) {
      stream.alive = false;
      stream.gone = !restarts;
    }
    for (const stream of [...party.heard]) {
      this.#drop(stream, process);
      this.#tellCount(stream, true);
      this.#forgetUnused(stream);
    }
    for (const stream of [...party.opened]) {
      this.#close(stream);
      this.#forgetUnused(stream);
    }
    if (!restarts) this.#parties.delete(process);
    else this.#rest(party);
  }

  #assertFree(stream: Stream, by: Address, kind: StreamKind): void {
    const { name, owner } = stream;
    if (owner === null) return;
    const isOwn = owner.id.text === by.id.text;
    const mayHave = isOwn ? !stream.alive || stream.kind === kind : stream.gone && isSamePackage(owner, by);
    if (!mayHave) throw fault("NameTaken", { name, owner: owner.text });
  }

  #add(name: string, kind: StreamKind): Stream {
    const { names } = this.#limits;
    if (this.#streams.size >= names) {
      const left = [...this.#streams.values()].find((stream) => stream.gone && !stream.isUsed);
      if (left === undefined) throw limit("names", names);
      this.#streams.delete(left.name);
    }
    const stream = new Stream(name, kind);
    this.#streams.set(name, stream);
    return stream;
  }

  #assertRoomFor(address: Address): void {
    const { processes } = this.#limits;
    if (!this.#parties.has(address.id.text) && this.#parties.size >= processes) throw limit("processes", processes);
  }

  #party(address: Address): Party {
    const known = this.#parties.get(address.id.text);
    if (known !== undefined) return known;
    this.#assertRoomFor(address);
    const party = new Party(address);
    this.#parties.set(address.id.text, party);
    this.#port.watch(address, true);
    return party;
  }

  /** Forgets who has nothing here any more. */
  #rest(party: Party | undefined): void {
    if (party?.isIdle !== true) return;
    this.#parties.delete(party.address.id.text);
    this.#port.watch(party.address, false);
  }

  #own(by: Address, name: string, alive: boolean): Stream {
    const stream = this.#streams.get(name);
    if (stream === undefined || stream.owner === null) throw fault("NonExistentStream", { name });
    if (!isOwner(stream, by)) throw fault("NotOwner", { name, owner: stream.owner.text });
    if (alive && !stream.alive) throw fault("NonExistentStream", { name });
    return stream;
  }

  #opened(by: Address, name: string, { session, stream_id }: SessionKey): Stream | undefined {
    const stream = this.#streams.get(name);
    const open = stream?.session;
    if (open == null || open.opener.id.text !== by.id.text) return undefined;
    return open.session === session && open.stream_id === stream_id ? stream : undefined;
  }

  #tellOpened({ name, owner, session }: Stream): void {
    if (owner === null || session === null) return;
    const { opener: _opener, ...opened } = session;
    this.#port.tell(owner, { InputOpened: { name, ...opened } });
  }

  #close(stream: Stream): void {
    const { name, owner, alive, session } = stream;
    if (session === null) return;
    stream.session = null;
    const { opener, ...closed } = session;
    this.#parties.get(opener.id.text)?.opened.delete(stream);
    if (owner !== null && alive) this.#port.tell(owner, { InputClosed: { name, ...closed } });
  }

  #tellCount({ name, owner, alive, listeners }: Stream, hasChanged: boolean): void {
    if (hasChanged && owner !== null && alive) this.#port.tell(owner, { Listeners: { name, count: listeners.size } });
  }

  /** @returns whether it listened */
  #drop(stream: Stream, process: string): boolean {
    this.#parties.get(process)?.heard.delete(stream);
    return stream.listeners.delete(process);
  }

  /** It becomes another kind of stream. */
  #empty(stream: Stream): void {
    for (const process of [...stream.listeners.keys()]) {
      this.#drop(stream, process);
      this.#rest(this.#parties.get(process));
    }
    this.#close(stream);
  }

  #keepOut(stream: Stream, owner: Address): void {
    if (!stream.private) return;
    for (const [process, { address, entitled }] of [...stream.listeners]) {
      if (entitled || isSamePackage(address, owner)) continue;
      this.#drop(stream, process);
      this.#rest(this.#parties.get(process));
    }
  }

  #forgetUnused(stream: Stream): void {
    if (stream.owner === null && !stream.isUsed) this.#streams.delete(stream.name);
  }
}

function fault(kind: string, facts: Readonly<Record<string, unknown>>): StreamRefusal {
  return new StreamRefusal({ [kind]: facts });
}

function limit(name: keyof StreamLimits, max: number): StreamRefusal {
  return fault("LimitReached", { limit: name, max });
}

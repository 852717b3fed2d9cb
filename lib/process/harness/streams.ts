/**
 * streams:distro:sys as a process under test finds it: every name is free, and there to be listened to, unless the test
 * refuses it. What others do is told by the test.
 */
import type {
  Envelope,
  InputSession,
  StreamAction,
  StreamEntry,
  StreamFault,
  StreamResult,
} from "../../protocol/index.ts";

/** @property producedTimestampS undefined: left to be stamped */
export type PublishedSample = {
  readonly name: string;
  readonly data: unknown;
  readonly producedTimestampS: number | undefined;
};

/** An input of another process that the one under test has open, and what it has fed there. */
export type OpenedInput = {
  readonly name: string;
  readonly session: string | number;
  readonly streamId: string;
  readonly appId: string | null;
  readonly samples: unknown[];
};

/** Why an action is refused; undefined: it is done. */
export type RefuseStream = (action: StreamAction) => StreamFault | undefined;

export class HarnessStreams {
  /** Names that it has declared, by name. */
  readonly declared: Map<string, StreamEntry> = new Map();
  /** What it has published, whoever listens. */
  readonly published: PublishedSample[] = [];
  /** Names that it listens to. */
  readonly listening: Set<string> = new Set();
  /** Inputs that it has open. */
  readonly open: OpenedInput[] = [];
  readonly #owner: string;
  readonly #refuse: RefuseStream;

  /** The harness's own to make. */
  constructor(owner: string, refuse: RefuseStream) {
    this.#owner = owner;
    this.#refuse = refuse;
  }

  /** What ends with an incarnation. */
  incarnationEnded(): void {
    this.listening.clear();
    this.open.splice(0);
    for (const [name, entry] of this.declared) this.declared.set(name, { ...entry, alive: false });
  }

  answer({ body }: Envelope): StreamResult {
    const action = body as StreamAction; // of ctx.streams
    const fault = this.#refuse(action);
    if (fault !== undefined) return { Err: fault };
    if (action === "Names") return { Names: [...this.declared.values()] };
    this.#do(action);
    return "Ok";
  }

  #do(action: Exclude<StreamAction, string>): void {
    if ("DeclareOutput" in action) {
      const { name, ready = true, private: isPrivate = false } = action.DeclareOutput;
      this.#declare({ name, kind: "output", ready, private: isPrivate });
    } else if ("DeclareInput" in action)
      this.#declare({ ...action.DeclareInput, kind: "input", ready: true, private: false });
    else if ("SetReady" in action) {
      const { name, ready } = action.SetReady;
      const entry = this.declared.get(name);
      if (entry !== undefined) this.declared.set(name, { ...entry, ready });
    } else if ("Withdraw" in action) this.declared.delete(action.Withdraw.name);
    else if ("Publish" in action) {
      const { name, data, produced_timestamp_s: producedTimestampS } = action.Publish;
      this.published.push({ name, data, producedTimestampS });
    } else if ("Listen" in action) this.listening.add(action.Listen.name);
    else if ("Unlisten" in action) this.listening.delete(action.Unlisten.name);
    else this.#input(action);
  }

  #input(action: Extract<StreamAction, { OpenInput: unknown } | { Feed: unknown } | { CloseInput: unknown }>): void {
    if ("OpenInput" in action) {
      const { name, session, stream_id: streamId, app_id: appId = null } = action.OpenInput;
      this.open.push({ name, session, streamId, appId, samples: [] });
    } else if ("Feed" in action) this.#opened(action.Feed)?.samples.push(...action.Feed.samples);
    else {
      const closed = this.#opened(action.CloseInput);
      if (closed !== undefined) this.open.splice(this.open.indexOf(closed), 1);
    }
  }

  #opened({ name, session, stream_id }: InputSession): OpenedInput | undefined {
    return this.open.find((each) => each.name === name && each.session === session && each.streamId === stream_id);
  }

  #declare(entry: Pick<StreamEntry, "name" | "kind" | "ready" | "private">): void {
    this.declared.set(entry.name, { ...entry, owner: this.#owner, alive: true, listeners: 0 });
  }
}

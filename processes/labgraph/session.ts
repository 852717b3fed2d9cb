/**
 * One client's session: what one connection has started, and what it is told. Knows neither socket nor registry.
 *
 * 1. Messages are handled in the order they came. Behind a start that the registry has not answered yet, others wait.
 * 2. A start is answered before the first batch of its stream, an end behind the last. A refused start leaves nothing.
 * 3. Events and errors go out at once. Batches wait where the client is slow: the oldest are dropped, and those that are
 *    sent are numbered then, from 1, without gaps.
 * 4. An input belongs to one stream of one session; its samples go to its owner in order, and are not answered.
 * 5. The end of the session ends its streams at once.
 */
import { PacedQueue } from "jackfield/process";
import type { StreamAction, StreamResult } from "jackfield/protocol";
import {
  type ClientMessage,
  type ErrorCode,
  type InputBatch,
  quoted,
  type Refusal,
  refusal,
  type StartRequest,
} from "./client-message.ts";
import { LABGRAPH_LIMITS } from "./limits.ts";
import type { Outputs, Taker } from "./outputs.ts";
import { BatchWriter, type EncodedSample, endEvent, errorEvent, startEvent } from "./server-message.ts";
import type { LabgraphSettings } from "./settings.ts";

/** What all sessions have in common. @property inputs names that some session has open */
export type Hall = {
  readonly settings: LabgraphSettings;
  readonly outputs: Outputs;
  readonly inputs: Set<string>;
};

export type SessionPort = {
  /** A name for this session, unique in this process. */
  readonly id: number;
  readonly push: (text: string) => void;
  readonly ping: (payload: Uint8Array) => void;
  /** To the registry; `answered` is called with its answer. One at a time. */
  readonly ask: (action: StreamAction) => void;
  /** To the registry, without an answer. */
  readonly tell: (action: StreamAction) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** What the registry answered; null: it did not, or was not there. */
export type Answered = StreamResult | null;

type OutputStream = Taker & { readonly kind: "output"; readonly writer: BatchWriter };
type InputStream = { readonly kind: "input"; readonly name: string; readonly streamId: string };
type Batch = { readonly stream: OutputStream; readonly sample: EncodedSample };
type Received = { readonly message: ClientMessage | Refusal; readonly chars: number };

export class Session {
  readonly #port: SessionPort;
  readonly #hall: Hall;
  readonly #streams = new Map<string, OutputStream | InputStream>(); // by the client's id
  readonly #queue: PacedQueue<Batch>;
  /** The start that the registry is asked about, and as what. */
  #asked: { readonly start: StartRequest; readonly as: "output" | "input" } | undefined;
  #waiting: Received[] = []; // behind #asked
  #waitingChars = 0;
  #hasEnded = false;

  constructor(port: SessionPort, hall: Hall) {
    this.#port = port;
    this.#hall = hall;
    this.#queue = new PacedQueue<Batch>({
      send: ({ stream, sample }) => this.#send(stream, sample),
      ping: port.ping,
      now: port.now,
      items: LABGRAPH_LIMITS.queueItems,
      bytes: hall.settings.queueBytes,
    });
  }

  /** Milliseconds in which batches have waited for a client that has taken nothing. */
  get stalledMs(): number {
    return this.#queue.stalledMs;
  }

  /** @param chars of its text @returns false: too much waits, close it */
  receive(message: ClientMessage | Refusal, chars: number): boolean {
    if (this.#asked === undefined) {
      this.#handle(message);
      return true;
    }
    const { waitingMessages, waitingChars } = LABGRAPH_LIMITS;
    if (this.#waiting.length >= waitingMessages || this.#waitingChars + chars > waitingChars) return false;
    this.#waiting.push({ message, chars });
    this.#waitingChars += chars;
    return true;
  }

  /** The registry has answered what was asked last. */
  answered(answer: Answered): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    this.#asked = undefined;
    if (asked.as === "output") this.#listened(asked.start, answer);
    else this.#openedInput(asked.start, answer);
    this.#handleWaiting();
  }

  /** A Pong of the client. */
  pong(payload: Uint8Array): void {
    this.#queue.pong(payload);
  }

  /** The connection is over. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#waiting = [];
    for (const [streamId, stream] of this.#streams) this.#stop(streamId, stream);
  }

  #handleWaiting(): void {
    const waiting = this.#waiting;
    let next = 0;
    while (this.#asked === undefined && !this.#hasEnded && next < waiting.length) {
      const received = waiting[next++];
      if (received === undefined) break;
      this.#waitingChars -= received.chars;
      this.#handle(received.message);
    }
    if (next > 0) this.#waiting = waiting.slice(next);
  }

  #handle(message: ClientMessage | Refusal): void {
    switch (message.kind) {
      case "refused":
        return this.#refuse(message);
      case "start":
        return this.#start(message);
      case "end":
        return this.#end(message.requestId, message.streamId);
      case "batch":
        return this.#feed(message);
    }
  }

  #start(start: StartRequest): void {
    const { name, streamId } = start;
    const { settings, outputs, inputs } = this.#hall;
    const { streams } = LABGRAPH_LIMITS;
    if (this.#streams.has(streamId))
      return this.#refuseStart(start, "StreamIDAlreadyExists", "this session has the stream id in use: end it first");
    if (this.#streams.size >= streams)
      return this.#refuseStart(start, "NonExistentStream", `a session has at most ${streams} streams: end some first`);
    if (settings.streams !== null && !settings.streams.has(name))
      return this.#refuseStart(start, "NonExistentStream", "this server does not support it");
    if (inputs.has(name)) return this.#refuseStart(start, "StreamAlreadyRequested", TAKEN);
    outputs.hold(name);
    this.#ask(start, "output", { Listen: { name } });
  }

  #listened(start: StartRequest, answer: Answered): void {
    const { outputs, inputs } = this.#hall;
    const { name } = start;
    const kind = faultOf(answer);
    if (!this.#hasEnded) {
      if (kind === undefined) this.#openOutput(start);
      else if (kind === "NonExistentStream" && inputs.has(name))
        this.#refuseStart(start, "StreamAlreadyRequested", TAKEN); // another session was quicker
      else if (kind === "NonExistentStream") this.#askInput(start);
      else this.#refuseStart(start, ...errorOf(kind));
    }
    outputs.release(name);
  }

  /** There is no output of that name; an input, perhaps. */
  #askInput(start: StartRequest): void {
    const { name, streamId, appId } = start;
    const session = { name, session: this.#port.id, stream_id: streamId, app_id: appId };
    this.#ask(start, "input", { OpenInput: session });
  }

  #openOutput({ name, streamId, requestId }: StartRequest): void {
    const { settings, outputs } = this.#hall;
    const stream: OutputStream = {
      kind: "output",
      name,
      writer: new BatchWriter(settings, streamId, name),
      take: (sample) => this.#take(stream, sample),
    };
    this.#streams.set(streamId, stream);
    this.#port.push(startEvent(settings, requestId, streamId));
    outputs.add(stream);
  }

  #openedInput(start: StartRequest, answer: Answered): void {
    const { name, streamId, requestId } = start;
    const kind = faultOf(answer);
    if (kind !== undefined) {
      if (!this.#hasEnded) this.#refuseStart(start, ...errorOf(kind));
      return;
    }
    const stream: InputStream = { kind: "input", name, streamId };
    if (this.#hasEnded) {
      this.#closeInput(stream);
      return;
    }
    this.#hall.inputs.add(name);
    this.#streams.set(streamId, stream);
    this.#port.push(startEvent(this.#hall.settings, requestId, streamId));
  }

  #end(requestId: string, streamId: string): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined)
      return this.#refuse(
        refusal("StreamIDNotFound", `Cannot end stream id "${quoted(streamId)}" as none is open by it`, requestId),
      );
    this.#stop(streamId, stream);
    this.#port.push(endEvent(this.#hall.settings, requestId, streamId));
  }

  #stop(streamId: string, stream: OutputStream | InputStream): void {
    this.#streams.delete(streamId);
    if (stream.kind === "input") {
      this.#hall.inputs.delete(stream.name);
      this.#closeInput(stream);
      return;
    }
    this.#hall.outputs.remove(stream);
    this.#queue.remove((batch) => batch.stream === stream);
  }

  #closeInput({ name, streamId }: InputStream): void {
    this.#port.tell({ CloseInput: { name, session: this.#port.id, stream_id: streamId } });
  }

  #feed({ name, streamId, samples }: InputBatch): void {
    const stream = this.#streams.get(streamId);
    if (stream?.kind !== "input" || stream.name !== name)
      return this.#refuse(
        refusal(
          "StreamIDNotFound",
          `Cannot take a batch of "${quoted(name)}" as no input of that name is open by stream id "${quoted(streamId)}"`,
        ),
      );
    if (samples.length === 0) return;
    this.#port.tell({ Feed: { name, session: this.#port.id, stream_id: streamId, samples } });
  }

  #take(stream: OutputStream, sample: EncodedSample): void {
    this.#queue.offer({ stream, sample }, { bytes: stream.writer.bytesWith(sample) });
  }

  #send({ writer, name }: OutputStream, sample: EncodedSample): void {
    const text = writer.write(sample);
    if (text === undefined) this.#hall.outputs.tooLarge(name, sample.bytes);
    else this.#port.push(text);
  }

  #ask(start: StartRequest, as: "output" | "input", action: StreamAction): void {
    this.#asked = { start, as };
    this.#port.ask(action);
  }

  #refuseStart({ name, streamId, requestId }: StartRequest, code: ErrorCode, why: string): void {
    const desc = `Cannot start stream "${quoted(name)}" by stream id "${quoted(streamId)}" as ${why}`;
    this.#refuse(refusal(code, desc, requestId));
  }

  #refuse(refused: Refusal): void {
    this.#port.push(errorEvent(this.#hall.settings, refused));
  }
}

const TAKEN = "the input is open, and one stream has it at a time";

/** @returns undefined: it was granted */
function faultOf(answer: Answered): string | undefined {
  if (answer === null) return "NoAnswer";
  if (answer === "Ok" || !("Err" in answer)) return undefined;
  const { Err: fault } = answer;
  return typeof fault === "string" ? fault : (Object.keys(fault)[0] ?? "MalformedRequest");
}

function errorOf(kind: string): [code: ErrorCode, why: string] {
  switch (kind) {
    case "NotReady":
      return ["NotTrained", "its source is not ready yet: try again later"];
    case "InputTaken":
      return ["StreamAlreadyRequested", TAKEN];
    case "NonExistentStream":
      return ["NonExistentStream", "nobody declares it now"];
    case "NoListenCap":
      return ["NonExistentStream", "it is not for this server"];
    case "LimitReached":
      return ["NonExistentStream", "this node has no room for more streams now"];
    case "NoAnswer":
      return ["NonExistentStream", "the registry of streams does not answer: try again"];
    default:
      return ["NonExistentStream", `the registry of streams says ${kind}`];
  }
}

/**
 * What streams:distro:sys is asked, answers and sends. Names are any text; times are seconds since 1970.
 *
 * An output is published by its owner and heard by any number of listeners; an input is read by its owner and fed by one
 * session at a time, which is of the process that opened it.
 */
import { ProcessId } from "./address.ts";

export const STREAMS: ProcessId = new ProcessId("streams", "distro", "sys");

export type StreamKind = "output" | "input";

/** What a session is to an input. @property session its opener's name for it @property stream_id the client's */
export type InputSession = {
  readonly name: string;
  readonly session: string | number;
  readonly stream_id: string;
};

/** Those without an answer: Publish, Feed. */
export type StreamAction =
  | { readonly DeclareOutput: { readonly name: string; readonly ready?: boolean; readonly private?: boolean } }
  | { readonly DeclareInput: { readonly name: string } }
  | { readonly SetReady: { readonly name: string; readonly ready: boolean } }
  | { readonly Withdraw: { readonly name: string } }
  | {
      readonly Publish: { readonly name: string; readonly data: unknown; readonly produced_timestamp_s?: number };
    }
  | "Names"
  | { readonly Listen: { readonly name: string } }
  | { readonly Unlisten: { readonly name: string } }
  | { readonly OpenInput: InputSession & { readonly app_id?: string | null } }
  | { readonly Feed: InputSession & { readonly samples: readonly unknown[] } }
  | { readonly CloseInput: InputSession };

/**
 * One name, as `{"Names": […]}` lists it.
 * @property owner its address; null: withdrawn, and still listened to, or open
 * @property alive its owner has declared it since its incarnation began
 * @property listeners processes that listen; of an input, 1 when it is open
 */
export type StreamEntry = {
  readonly name: string;
  readonly kind: StreamKind;
  readonly owner: string | null;
  readonly ready: boolean;
  readonly private: boolean;
  readonly alive: boolean;
  readonly listeners: number;
};

export type StreamFault = "MalformedRequest" | Readonly<Record<string, unknown>>;

export type StreamResult = "Ok" | { readonly Names: readonly StreamEntry[] } | { readonly Err: StreamFault };

type OpenedInput = InputSession & { readonly app_id: string | null };

/** What it tells a process: each a request that expects no answer. */
export type StreamEvent =
  /** To a listener. */
  | { readonly Sample: { readonly name: string; readonly data: unknown; readonly produced_timestamp_s: number } }
  /** To the owner of an output, when the number has changed. */
  | { readonly Listeners: { readonly name: string; readonly count: number } }
  /** To the owner of an input. */
  | { readonly InputOpened: OpenedInput }
  | { readonly InputSamples: OpenedInput & { readonly samples: readonly unknown[] } }
  | { readonly InputClosed: OpenedInput };

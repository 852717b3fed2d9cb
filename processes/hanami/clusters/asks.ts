/**
 * What the process hanami asks a cluster's process, and what that answers: values that travel between threads.
 *
 * An expected no is an `Err` with the status that its client gets.
 */
import type { ErrorStatus } from "../endpoint.ts";

export type Mode = "TASK" | "DIRECT";

/** @property column of the data set; null: as the original's first generation has it, `picture` and `label` */
export type TaskSource = { readonly port: string; readonly dataSet: string; readonly column: string };

export type TaskWork =
  | {
      readonly kind: "train";
      readonly inputs: readonly TaskSource[];
      readonly outputs: readonly TaskSource[];
      /** Rows that make one vector, side by side. */
      readonly timeLength: number;
    }
  | {
      readonly kind: "request";
      readonly inputs: readonly TaskSource[];
      readonly timeLength: number;
      /** What is left: for each row the winner of the first output, or a data set with a column per output. */
      readonly leaves: "labels" | { readonly columns: readonly { readonly port: string; readonly column: string }[] };
    }
  | { readonly kind: "save" }
  | { readonly kind: "load"; readonly checkpoint: string };

export type TaskKind = TaskWork["kind"];

export type NewTask = {
  /** Its request's result, data set or checkpoint has the same. */
  readonly uuid: string;
  readonly name: string;
  /** Who asked: what the task leaves is theirs. */
  readonly ownerId: string;
  readonly projectId: string;
  readonly work: TaskWork;
};

export type TaskState = "queued" | "active" | "aborted" | "finished";

/** @property total at least 1: clients divide by it @property why it was aborted */
export type TaskView = {
  readonly uuid: string;
  readonly name: string;
  readonly kind: TaskKind;
  readonly state: TaskState;
  readonly done: number;
  readonly total: number;
  readonly queuedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly why: string | null;
};

export type ClusterAsk =
  | { readonly SetMode: Mode }
  | { readonly AddTask: NewTask }
  | { readonly GetTask: string }
  | { readonly GetTasks: null }
  | { readonly DropTask: string }
  /** May a WebSocket be handed over now? */
  | { readonly Admit: null }
  /** The cluster is deleted: its socket is closed, tasks end, what was to be saved is. */
  | { readonly End: null };

export type Refused = { readonly Err: { readonly status: ErrorStatus; readonly text: string } };
export type ClusterAnswer<Value> = { readonly Ok: Value } | Refused;

export function refused(status: ErrorStatus, text: string): Refused {
  return { Err: { status, text } };
}

/** What a cluster tells hanami when a task has left something, before the task counts as finished. */
export type TaskLeft = {
  readonly TaskLeft: {
    readonly what: "labels" | "dataset" | "checkpoint";
    readonly uuid: string;
    readonly name: string;
    readonly ownerId: string;
    readonly projectId: string;
    /** Of a data set: its shape; of labels: how many; of a checkpoint: its bytes. */
    readonly size: number;
  };
};

/** Drives of the package that the clusters use. */
export const CLUSTERS_DRIVE = "clusters"; // what each has learnt, over a crash of its process: a file each
export const CHECKPOINTS_DRIVE = "checkpoints"; // `<uuid>.weights`, and `<uuid>.json` for whose it is
export const RESULTS_DRIVE = "request-results"; // `<uuid>.data`, likewise

/** @property limits as they are set for hanami */
export type ClusterSettings = {
  readonly uuid: string;
  readonly template: string;
  readonly limits: Readonly<Record<string, number>>;
};

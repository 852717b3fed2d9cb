/**
 * What the process hanami asks a cluster's process, and what that answers: values that travel between threads.
 *
 * An expected no is an `Err` with the status that its client gets.
 */
import type { ErrorStatus } from "../endpoint.ts";
import type { ClusterLimits } from "./limits.ts";

export type Mode = "TASK" | "DIRECT";

/** Where a port's vectors come from. */
export type TaskSource = { readonly port: string; readonly dataSet: string; readonly column: string };

/** Where a port's outputs go. */
export type TaskResult = { readonly port: string; readonly column: string };

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
      /** Of the data set that it leaves, under the task's uuid. */
      readonly results: readonly TaskResult[];
      /** Bytes that its owner may still have. */
      readonly room: number;
    }
  | { readonly kind: "save" }
  | { readonly kind: "load"; readonly checkpoint: string };

export type TaskKind = TaskWork["kind"];

export type NewTask = {
  /** The data set or checkpoint that it leaves has the same. */
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
  | { readonly Describe: null }
  /** → Mode */
  | { readonly GetMode: null }
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
  readonly TaskLeft: Omit<NewTask, "work"> & {
    /** Of its file. */
    readonly bytes: number;
    /** Of a data set; null: it is a checkpoint. */
    readonly content: { readonly rows: number; readonly columns: number } | null;
  };
};

/** Drives of the package. What a cluster has learnt, over a crash of its process; and what a task is going to load. */
export const CLUSTERS_DRIVE = "clusters";
export const CHECKPOINTS_DRIVE = "checkpoints";

/** What identifies a cluster, and whose it is: its process keeps it while the one that asks begins anew. */
export type ClusterRow = {
  readonly uuid: string;
  readonly name: string;
  readonly ownerId: string;
  readonly projectId: string;
  readonly createdAt: number;
  /** As the client wrote it; "": none. */
  readonly template: string;
};

/** Of a cluster's process. @property limits as they are set for hanami */
export type ClusterSettings = { readonly row: ClusterRow; readonly limits: ClusterLimits };

/**
 * The tasks of one cluster: one runs, the others wait in the order they came.
 *
 * 1. At most `limits.tasks` wait or run; of those that are over, the last `limits.tasksKept` can still be asked for.
 * 2. While `hold` holds, none is begun: the cluster is in direct mode.
 * 3. Dropping a task that waits removes it; one that runs is told to stop and counts as aborted at once; one that is over
 *    is forgotten.
 */
import type { NewTask, TaskState, TaskView } from "./asks.ts";
import type { ClusterLimits } from "./limits.ts";

/** What the work of a task says and asks while it runs. */
export type TaskRun = {
  readonly task: NewTask;
  /** Throws {@link TaskStopped} when it shall stop. */
  progress(done: number, total: number): void;
};

export class TaskStopped extends Error {
  override readonly name = "TaskStopped";
}

type Entry = {
  readonly task: NewTask;
  readonly queuedAt: number;
  state: TaskState;
  done: number;
  total: number;
  startedAt: number | null;
  endedAt: number | null;
  why: string | null;
};

/**
 * @property work does it all; a throw aborts the task, its message is the reason
 * @property now ms since the Unix epoch
 */
export type TaskQueueOptions = {
  readonly limits: ClusterLimits;
  readonly now: () => number;
  readonly work: (run: TaskRun) => Promise<void>;
};

export class TaskQueue {
  readonly #options: TaskQueueOptions;
  readonly #entries = new Map<string, Entry>(); // in the order they came
  #running: Promise<void> | null = null;
  #held = false;

  constructor(options: TaskQueueOptions) {
    this.#options = options;
  }

  /** None waits and none runs. */
  get isIdle(): boolean {
    return this.#running === null && this.#next() === undefined;
  }

  /** @param total rows, at least 1 @returns undefined: too many wait */
  add(task: NewTask, total: number): TaskView | undefined {
    const { limits, now } = this.#options;
    const open = [...this.#entries.values()].filter(({ state }) => state === "queued" || state === "active");
    if (open.length >= limits.tasks) return undefined;
    const entry: Entry = {
      task,
      queuedAt: now(),
      state: "queued",
      done: 0,
      total: Math.max(1, total),
      startedAt: null,
      endedAt: null,
      why: null,
    };
    this.#entries.set(task.uuid, entry);
    this.#forget();
    const view = viewOf(entry); // as it is queued: that is what its client is told
    this.#begin();
    return view;
  }

  get(uuid: string): TaskView | undefined {
    const entry = this.#entries.get(uuid);
    return entry === undefined ? undefined : viewOf(entry);
  }

  all(): readonly TaskView[] {
    return [...this.#entries.values()].map(viewOf);
  }

  /** @returns false: there is none */
  drop(uuid: string): boolean {
    const entry = this.#entries.get(uuid);
    if (entry === undefined) return false;
    if (entry.state === "active") this.#end(entry, "aborted", "it was deleted");
    else this.#entries.delete(uuid);
    return true;
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#begin();
  }

  /** Ends all but what is saved, and waits for that. */
  async end(): Promise<void> {
    for (const entry of this.#entries.values()) {
      const isOpen = entry.state === "queued" || entry.state === "active";
      if (isOpen && entry.task.work.kind !== "save") this.#end(entry, "aborted", "the cluster was deleted");
    }
    this.hold(false);
    await this.#running;
  }

  #next(): Entry | undefined {
    return [...this.#entries.values()].find(({ state }) => state === "queued");
  }

  #begin(): void {
    if (this.#running !== null || this.#held || this.#next() === undefined) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      this.#begin(); // one may have come while the last was leaving
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    for (let entry = this.#next(); entry !== undefined && !this.#held; entry = this.#next()) {
      const current = entry;
      current.state = "active";
      current.startedAt = this.#options.now();
      try {
        await this.#options.work({
          task: current.task,
          progress: (done, total) => {
            if (current.state !== "active") throw new TaskStopped(current.why ?? "it was stopped");
            current.done = done;
            current.total = Math.max(1, total);
          },
        });
        this.#end(current, "finished", null);
      } catch (error) {
        this.#end(current, "aborted", error instanceof Error ? error.message : String(error));
      }
      this.#forget();
    }
  }

  /** Once: who was dropped while it ran stays so. */
  #end(entry: Entry, state: "aborted" | "finished", why: string | null): void {
    if (entry.state !== "active" && entry.state !== "queued") return;
    entry.state = state;
    entry.why = why;
    entry.endedAt = this.#options.now();
    if (state === "finished") entry.done = entry.total;
  }

  #forget(): void {
    const over = [...this.#entries.values()].filter(({ state }) => state === "aborted" || state === "finished");
    for (const { task } of over.slice(0, Math.max(0, over.length - this.#options.limits.tasksKept)))
      this.#entries.delete(task.uuid);
  }
}

function viewOf({ task, ...rest }: Entry): TaskView {
  return { uuid: task.uuid, name: task.name, kind: task.work.kind, ...rest };
}

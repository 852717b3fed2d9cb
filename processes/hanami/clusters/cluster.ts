/**
 * A cluster: one process with one network, trained and asked over one WebSocket (direct mode) or by tasks.
 *
 * Needs  http-server (its channel), vfs (data sets, checkpoints) and hanami, of its own package, which spawns it.
 * State  the network. What it learnt by a task or a connection is kept in a file until the cluster is deleted, so that a
 *        crash loses at most what was under way; its tasks and its mode are lost with it.
 *
 * 1. It begins in TASK mode. To DIRECT only while no task waits or runs; tasks that come then wait for TASK mode.
 * 2. In DIRECT it takes one WebSocket, from hanami alone; a second one is closed, the first goes on. When the client
 *    leaves, the mode stays. Back in TASK the socket is closed with 1000; deleted, with 1001.
 * 3. No handler waits for a task, or for a disk: a task runs beside them in slices, and stops with its incarnation.
 */
import { type Blob, defineProcess } from "jackfield/process";
import { textOf } from "jackfield/protocol";
import type { Ctx } from "../endpoint.ts";
import {
  CHECKPOINTS_DRIVE,
  CLUSTERS_DRIVE,
  type ClusterAnswer,
  type ClusterAsk,
  type ClusterRow,
  type ClusterSettings,
  type Mode,
  type NewTask,
  refused,
  type TaskLeft,
  type TaskView,
} from "./asks.ts";
import { checkCheckpoint, loadCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { DirectTalk } from "./direct.ts";
import type { ClusterLimits } from "./limits.ts";
import { Model } from "./model.ts";
import { Slices } from "./slices.ts";
import { checkTask, request, TaskError, train } from "./task-work.ts";
import { TaskQueue, type TaskRun } from "./tasks.ts";
import { NO_TEMPLATE } from "./template.ts";
import { faultText, isFault, parseTemplate } from "./template-parse.ts";

const HANAMI = "hanami"; // the process of this package that asks, and hands channels over
const CLOSED = { normal: 1000, leaving: 1001, refused: 1008 } as const; // RFC 6455 §7.4.1
const REASON_MAX = 123; // bytes: RFC 6455 §5.5
const LEFT_SECONDS = 60; // s: hanami writes a row to a database that others use too

type Timers = { after(ms: number, due: () => void): unknown };

export default defineProcess<Cluster>({
  async init(ctx) {
    const cluster = new Cluster(ctx, ctx);
    await cluster.restore();
    return cluster;
  },
  onOpen: (cluster, { channelId, handover }) => cluster.open(channelId, handover?.from),
  onPush(cluster, { channelId, messageType }, blob) {
    if (messageType === "Ping" || messageType === "Pong") return; // the transport answers
    cluster.push(channelId, blob);
  },
  onClose: (cluster, { channelId }) => cluster.leave(channelId),
  onRequest(cluster, message, ctx) {
    const isHanami = message.source.text === `${ctx.node}@${HANAMI}:${ctx.our.id.packageId.text}`;
    const answer = isHanami
      ? cluster.answer(message.body as ClusterAsk) // our own package's
      : Promise.resolve(refused(401, "Only hanami asks clusters."));
    // Not awaited: some wait for a task, and a task's timers come through the mailbox that a handler would hold.
    const { asked } = ctx;
    void answer.then((said) => (asked ? ctx.respond(said, { to: message }) : undefined)).catch(() => undefined); // its incarnation has ended
  },
  onExit: (cluster) => cluster.stop(),
});

class Cluster {
  readonly #ctx: Ctx;
  readonly #timers: Timers;
  readonly #row: ClusterRow;
  readonly #limits: ClusterLimits;
  readonly #model: Model;
  readonly #tasks: TaskQueue;
  #mode: Mode = "TASK";
  #talk: { readonly channelId: number; readonly direct: DirectTalk } | null = null;
  #stopped = false;
  #ended = false;
  #kept: Promise<void> = Promise.resolve(); // what is being written for after a crash

  /** @throws {Error} the template does not parse: hanami parsed it before */
  constructor(ctx: Ctx, timers: Timers) {
    const { row, limits } = ctx.settings as unknown as ClusterSettings; // hanami's
    this.#ctx = ctx;
    this.#timers = timers;
    this.#row = row;
    this.#limits = limits;
    const template = row.template === "" ? NO_TEMPLATE : parseTemplate(row.template, limits);
    if (isFault(template)) throw new Error(faultText(template));
    this.#model = new Model(template, row.uuid, limits);
    this.#tasks = new TaskQueue({ limits, now: () => ctx.now(), work: (run) => this.#work(run) });
  }

  /** After a crash: what it had learnt. */
  async restore(): Promise<void> {
    const drive = this.#ctx.vfs.drive(CLUSTERS_DRIVE);
    if (!(await drive.exists(this.#row.uuid))) return;
    const misfit = loadCheckpoint(this.#model, (await drive.readFile(this.#row.uuid)).bytes());
    this.#ctx.log(
      misfit === undefined ? "begins anew with what it had learnt" : `begins from nothing: ${misfit.misfit}`,
    );
  }

  open(channelId: number, from: string | undefined): void {
    const refusal = from?.includes(`@${HANAMI}:`) === true ? this.#refusal() : "come in by the handshake";
    if (refusal !== undefined) this.#ctx.close(channelId, CLOSED.refused, refusal);
    else this.#talk = { channelId, direct: new DirectTalk(this.#model) };
  }

  push(channelId: number, blob: Blob): void {
    if (this.#talk?.channelId !== channelId) return; // its close is on its way
    const answer = this.#talk.direct.take(blob.bytes());
    if ("reply" in answer) return this.#ctx.push(channelId, answer.reply, "Binary");
    this.#ctx.close(channelId, CLOSED.refused, cut(answer.closes));
    this.leave(channelId);
  }

  leave(channelId: number): void {
    if (this.#talk?.channelId !== channelId) return;
    this.#talk = null;
    void this.#keep();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Never rejects. */
  async answer(ask: ClusterAsk): Promise<ClusterAnswer<unknown>> {
    try {
      return await this.#answer(ask);
    } catch (error) {
      this.#ctx.log(`cannot answer ${Object.keys(ask).join()}: ${textOf(error)}`);
      return refused(500, "");
    }
  }

  async #answer(ask: ClusterAsk): Promise<ClusterAnswer<unknown>> {
    if ("SetMode" in ask) return this.#setMode(ask.SetMode);
    if ("AddTask" in ask) return await this.#addTask(ask.AddTask);
    if ("GetTask" in ask) {
      const task = this.#tasks.get(ask.GetTask);
      return task === undefined ? refused(404, `There is no task ${ask.GetTask}.`) : { Ok: task };
    }
    if ("GetTasks" in ask) return { Ok: this.#tasks.all() };
    if ("DropTask" in ask) {
      const { DropTask: uuid } = ask;
      return this.#tasks.drop(uuid) ? { Ok: null } : refused(404, `There is no task ${uuid}.`);
    }
    if ("Describe" in ask) return { Ok: this.#row };
    if ("GetMode" in ask) return { Ok: this.#mode };
    if ("Admit" in ask) {
      const refusal = this.#refusal();
      return refusal === undefined ? { Ok: null } : refused(409, `Cannot connect as ${refusal}.`);
    }
    return await this.#end();
  }

  /** Why a WebSocket is not taken now. */
  #refusal(): string | undefined {
    if (this.#mode !== "DIRECT") return "the cluster is in TASK mode, switch it to DIRECT first";
    return this.#talk === null ? undefined : "the cluster has a connection already";
  }

  #setMode(mode: Mode): ClusterAnswer<null> {
    if (mode === this.#mode) return refused(409, `The cluster is in ${mode} mode already.`);
    if (mode === "DIRECT" && !this.#tasks.isIdle)
      return refused(409, "The cluster has tasks that wait or run: it takes DIRECT mode when they are over.");
    this.#mode = mode;
    this.#tasks.hold(mode === "DIRECT");
    if (mode === "TASK") this.#hangUp(CLOSED.normal, "the cluster is in TASK mode");
    return { Ok: null };
  }

  #hangUp(code: number, reason: string): void {
    if (this.#talk === null) return;
    const { channelId } = this.#talk;
    this.#ctx.close(channelId, code, reason);
    this.leave(channelId);
  }

  async #addTask(task: NewTask): Promise<ClusterAnswer<TaskView>> {
    try {
      const total = await this.#check(task);
      const view = this.#tasks.add(task, total);
      const { tasks } = this.#limits;
      return view === undefined
        ? refused(400, `The cluster has ${tasks} tasks that wait or run, the most it takes (limit tasks).`)
        : { Ok: view };
    } catch (error) {
      if (error instanceof TaskError) return refused(error.status, error.message);
      throw error;
    }
  }

  /** @returns rows @throws {TaskError} */
  async #check({ uuid, work }: NewTask): Promise<number> {
    switch (work.kind) {
      case "train":
      case "request":
        return await checkTask(this.#ctx, this.#model, work, this.#limits.taskRows);
      case "save":
        if (writeCheckpoint(this.#model) === undefined)
          throw new TaskError(
            400,
            "There is nothing to save: sizes of the network are not known before its first data.",
          );
        return 1;
      case "load": {
        // A copy of its own: the checkpoint may be deleted while the task waits, as the original's own script does.
        const from = this.#ctx.vfs.drive(CHECKPOINTS_DRIVE);
        const misfit = checkCheckpoint(this.#model, (await from.readFile(work.checkpoint)).bytes());
        if (misfit !== undefined) throw new TaskError(400, `The checkpoint does not fit: ${misfit.misfit}.`);
        const to = this.#ctx.vfs.drive(CLUSTERS_DRIVE);
        await to.create();
        await from.copy(work.checkpoint, `${to.path}/${this.#loadPath(uuid)}`);
        return 1;
      }
    }
  }

  async #work(run: TaskRun): Promise<void> {
    const { task } = run;
    const { work } = task;
    switch (work.kind) {
      case "train":
        await train(this.#ctx, this.#model, work, run, this.#slices());
        return await this.#keep();
      case "request": {
        const { bytes, content } = await request(this.#ctx, this.#model, work, run, this.#slices());
        return await this.#left(task, bytes, content);
      }
      case "save": {
        const bytes = writeCheckpoint(this.#model);
        if (bytes === undefined) throw new TaskError(400, "There is nothing to save.");
        await this.#ctx.vfs.drive(CHECKPOINTS_DRIVE).writeFile(task.uuid, bytes);
        return await this.#left(task, bytes.length, null);
      }
      case "load": {
        const drive = this.#ctx.vfs.drive(CLUSTERS_DRIVE);
        const bytes = (await drive.readFile(this.#loadPath(task.uuid))).bytes();
        await drive.remove(this.#loadPath(task.uuid));
        const misfit = loadCheckpoint(this.#model, bytes);
        if (misfit !== undefined) throw new TaskError(400, `The checkpoint does not fit: ${misfit.misfit}.`);
        return await this.#keep();
      }
    }
  }

  /** Tells hanami, whose table it is. @throws {TaskError} a quota of the owner */
  async #left({ work: _, ...task }: NewTask, bytes: number, content: TaskLeft["TaskLeft"]["content"]): Promise<void> {
    const body: TaskLeft = { TaskLeft: { ...task, bytes, content } };
    const hanami = `${HANAMI}:${this.#ctx.our.id.packageId.text}`;
    const { body: answer } = await this.#ctx.request(hanami).body(body).sendAndAwaitResponse(LEFT_SECONDS);
    const result = answer as ClusterAnswer<null>; // our own package's
    if ("Err" in result) throw new TaskError(400, result.Err.text);
  }

  #slices(): Slices {
    return new Slices({
      sliceMs: this.#limits.sliceMs,
      now: () => performance.now(),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      breathe: () =>
        new Promise((resolve, reject) => {
          if (this.#stopped) reject(new Error("its process ends"));
          else this.#timers.after(0, resolve);
        }),
    });
  }

  /** What it has learnt so far, for after a crash. Not awaited where nobody waits for it; never rejects. */
  #keep(): Promise<void> {
    this.#kept = this.#kept.then(() => this.#write()).catch(() => undefined); // its incarnation has ended
    return this.#kept;
  }

  async #write(): Promise<void> {
    const bytes = this.#ended ? undefined : writeCheckpoint(this.#model); // deleted: nobody would remove it any more
    if (bytes === undefined) return;
    try {
      await this.#ctx.vfs.drive(CLUSTERS_DRIVE).writeFile(this.#row.uuid, bytes);
    } catch (error) {
      this.#ctx.log(`what it has learnt is not kept over a crash: ${textOf(error)}`);
    }
  }

  /** Goes with the cluster's other files when it is deleted. */
  #loadPath(task: string): string {
    return `${this.#row.uuid}-${task}`;
  }

  async #end(): Promise<ClusterAnswer<null>> {
    this.#ended = true;
    this.#hangUp(CLOSED.leaving, "the cluster was deleted");
    await this.#tasks.end();
    await this.#kept; // its file is removed behind this
    return { Ok: null };
  }
}

/** So that it fits a close frame, whole characters. */
function cut(reason: string): string {
  let text = reason;
  while (new TextEncoder().encode(text).length > REASON_MAX) text = text.slice(0, -1);
  return text;
}

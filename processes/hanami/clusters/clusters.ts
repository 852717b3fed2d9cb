/**
 * The table of clusters: whose they are, and the process of each, a child of hanami.
 *
 * 1. Clusters live as long as the node (contract hanami §3.3), and over a restart of this process: their processes tell
 *    what they are.
 * 2. They share `clusterThreads` threads, turn by turn. Measured: 16 clusters took 18 MB in one thread and 36 MB in two, but
 *    179 MB in a thread each, which gives nothing where there are fewer cores.
 * 3. A cluster whose process has ended for good stays in the table, so that its owner sees it, and can delete it.
 */
import { randomUUID } from "node:crypto";
import { type Address, SendError } from "jackfield/process";
import { ApiError, type Caller, type Ctx } from "../endpoint.ts";
import { mayUse, visible } from "../owned.ts";
import { CLUSTERS_DRIVE, type ClusterAnswer, type ClusterAsk, type ClusterRow, type ClusterSettings } from "./asks.ts";
import type { ClusterLimits } from "./limits.ts";

/** Where a WebSocket goes that is let in. */
export type Admission = { readonly process: string } | { readonly refused: string };

export type ClustersOptions = { readonly limits: ClusterLimits; readonly children: "worker" | "inline" };

const NAME = "cluster-"; // and the uuid: the process
const ASK_SECONDS = 30; // s: to check a task its data sets are looked at, on a disk that others use too
const END_SECONDS = 60; // s: what was to be saved is

export class Clusters {
  readonly #ctx: Ctx;
  readonly #options: ClustersOptions;
  readonly #rows = new Map<string, ClusterRow>();
  #spawned = 0;

  static async open(ctx: Ctx, options: ClustersOptions): Promise<Clusters> {
    const clusters = new Clusters(ctx, options);
    await clusters.#find();
    return clusters;
  }

  private constructor(ctx: Ctx, options: ClustersOptions) {
    this.#ctx = ctx;
    this.#options = options;
  }

  /** Those that `caller` may see, oldest first. */
  of(caller: Caller): readonly ClusterRow[] {
    return [...this.#rows.values()].filter((row) => mayUse(caller, row)).sort((a, b) => a.createdAt - b.createdAt);
  }

  /** @throws {ApiError} 404 */
  find(caller: Caller, uuid: unknown): ClusterRow {
    return visible(caller, this.#rows.get(String(uuid).toLowerCase()), `cluster ${uuid}`);
  }

  /** @param template parsed before, or "" @throws {ApiError} 409 the name is taken; 400 a limit */
  async create(caller: Caller, name: string, template: string): Promise<ClusterRow> {
    const { limits, children } = this.#options;
    const own = [...this.#rows.values()].filter(({ ownerId }) => ownerId === caller.id);
    if (this.of(caller).some((row) => row.name === name))
      throw new ApiError(409, `There is a cluster "${name}" already: take another name.`);
    if (own.length >= limits.clusters)
      throw new ApiError(400, `You have ${own.length} clusters, and may have ${limits.clusters} (limit clusters).`);
    if (this.#rows.size >= limits.clustersTotal)
      throw new ApiError(
        400,
        `This node has ${limits.clustersTotal} clusters, the most it takes (limit clustersTotal).`,
      );
    const { id: ownerId, projectId } = caller;
    const row: ClusterRow = { uuid: randomUUID(), name, ownerId, projectId, createdAt: this.#ctx.now(), template };
    this.#rows.set(row.uuid, row); // before the process is there: two of one name are two requests side by side
    try {
      const thread = this.#spawned++ % limits.clusterThreads;
      const settings: ClusterSettings = { row, limits };
      await this.#ctx.spawn({
        name: NAME + row.uuid,
        file: "clusters/cluster.js",
        placement: children === "inline" ? "inline" : { worker: `clusters-${thread}` },
        settings,
        onExit: "Restart",
        lifetime: "parent",
        requestCapabilities: ["http-server:distro:sys", "vfs:distro:sys"],
        grantCapabilities: ["http-server:distro:sys"],
      });
    } catch (thrown) {
      this.#rows.delete(row.uuid);
      throw thrown;
    }
    return row;
  }

  /** @returns what its process answers @throws {ApiError} it refuses, or there is none any more */
  async ask<Value>(row: ClusterRow, ask: ClusterAsk, seconds: number = ASK_SECONDS): Promise<Value> {
    const answer = await this.#ask<Value>(row.uuid, ask, seconds);
    if ("Err" in answer) throw new ApiError(answer.Err.status, answer.Err.text);
    return answer.Ok;
  }

  /** With all it has learnt; what was to be saved is saved first. Nothing happens when it is gone. */
  async remove(row: ClusterRow): Promise<void> {
    if (!this.#rows.delete(row.uuid)) return;
    try {
      await this.ask(row, { End: null }, END_SECONDS);
    } catch (thrown) {
      if (!(thrown instanceof ApiError)) throw thrown;
      this.#ctx.log(`cluster ${row.uuid} did not end by itself: ${thrown.text}`);
    }
    await this.#ctx.stopChild(this.#process(row.uuid)).catch(() => undefined); // it has ended for good before
    await this.#sweep((uuid) => uuid === row.uuid);
  }

  /** Whether this is the process of a cluster of this node. */
  isCluster({ node, id }: Address): boolean {
    const uuid = uuidOf(id.text);
    return node === this.#ctx.node && uuid !== undefined && id.text === this.#process(uuid);
  }

  /** For the handshake: may this caller's WebSocket go to that cluster now? */
  async admit(caller: Caller, uuid: string): Promise<Admission> {
    try {
      const row = this.find(caller, uuid);
      await this.ask(row, { Admit: null });
      return { process: this.#process(row.uuid) };
    } catch (thrown) {
      if (thrown instanceof ApiError) return { refused: thrown.text };
      throw thrown;
    }
  }

  /** Those of an earlier incarnation of this process; files of the others go. */
  async #find(): Promise<void> {
    for (const { process } of await this.#ctx.children()) {
      const uuid = uuidOf(process);
      if (uuid === undefined) continue;
      const answer = await this.#ask<ClusterRow>(uuid, { Describe: null }, ASK_SECONDS);
      if ("Err" in answer) this.#ctx.log(`${process} does not say what it is: ${answer.Err.text}`);
      else this.#rows.set(uuid, answer.Ok);
      this.#spawned++;
    }
    await this.#sweep((uuid) => !this.#rows.has(uuid));
  }

  async #sweep(isGone: (uuid: string) => boolean): Promise<void> {
    const drive = this.#ctx.vfs.drive(CLUSTERS_DRIVE);
    const gone: string[] = [];
    for await (const { name } of drive.list()) if (isGone(name.slice(0, UUID_LENGTH))) gone.push(name);
    for (const name of gone) await drive.remove(name);
  }

  async #ask<Value>(uuid: string, ask: ClusterAsk, seconds: number): Promise<ClusterAnswer<Value>> {
    try {
      const { body } = await this.#ctx.request(this.#process(uuid)).body(ask).sendAndAwaitResponse(seconds);
      return body as ClusterAnswer<Value>; // our own child's
    } catch (thrown) {
      if (!(thrown instanceof SendError)) throw thrown;
      return { Err: { status: 500, text: `The cluster ${uuid} does not answer: ${thrown.kind}.` } };
    }
  }

  #process(uuid: string): string {
    return `${NAME}${uuid}:${this.#ctx.our.id.packageId.text}`;
  }
}

const UUID_LENGTH = 36; // characters

/** @param process its id */
function uuidOf(process: string): string | undefined {
  return process.startsWith(NAME) ? process.slice(NAME.length, NAME.length + UUID_LENGTH) : undefined;
}

/**
 * Claims and kept state in JetStream (docs/adr/0037): the buckets `claims` and `kept`, one key per name.
 *
 * 1. What is read is what the stream's leader has (`STREAM.MSG.GET`). One that others have deposed, and that has not heard
 *    of it, may say what was so before: what counts is the write, and that goes by the revision.
 * 2. A cluster of servers compares a revision of more than 0 before it has carried out what is under way, and so lets two
 *    through that come at once (2.9.10; a revision of 0 it compares when it stores). So what takes the place of a revision
 *    has that in its message's id: of two with one id a stream stores one.
 * 3. A claim that is given back is marked as deleted, by its revision as any write, and the mark is erased by its number:
 *    nothing stays of a name. Nothing takes the place of a mark: one that was left is erased first.
 * 4. State that is deleted leaves a key without a value while its name is held; who gives the name back erases it, by its
 *    number. Whoever held the name before has a revision, and so is refused where there is none: only a touch begins with 0.
 *    By its number, and not by a purge of its subject: a server of 2.9.10 that is killed after one may empty its copy of all
 *    names. Killed after refusals, one counts otherwise than the others, and that number is another name's there
 *    (docs/cluster.md): 2.10.27 and 2.15.1 do neither.
 * 5. What was not answered rejects: it may have been done. Nothing is tried a second time here.
 */
import { JetStreamApiError, type JetStreamManager, type StoredMsg } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { textOf } from "../../lib/protocol/index.ts";
import type { Claim, Claims, Kept } from "../cluster/claims.ts";
import { ClaimsError } from "./errors.ts";
import { assertBucket, type Bucket, bucketReplicas, CLAIMS_BUCKET, KEPT_BUCKET, streamOf } from "./nats-buckets.ts";
import type { NatsStore, OpenStore } from "./nats-store.ts";

const OVERTAKEN = [10_071, 10_164, 10_158]; // error codes of JetStream: another wrote since; another is writing now, twice
const NO_MESSAGE = [10_037, 10_057]; // there is none by that number; it is deleted already
const OPERATION = "KV-Operation"; // as other programs write it: `nats kv get` shows what is there
const DELETED = "DEL";
const HEADERS_BYTES = 1024; // room beside a value in one message
const NAME_BYTES = 1024; // of a key: a subject and its answer are lines of 4 KiB at most to a server
const TEXT_MAX = 256; // characters of a node's name or a life
const OTHERS = /[^A-Za-z0-9_-]+/g;

export class NatsClaims implements Claims {
  readonly #store: NatsStore;
  #isThere = false;

  constructor(store: NatsStore) {
    this.#store = store;
  }

  get where(): string {
    return this.#store.where;
  }

  async read(name: string): Promise<Claim | undefined> {
    const message = await this.#last(CLAIMS_BUCKET, name);
    if (message === null || isDeleted(message)) return undefined;
    return { name, revision: message.seq, ...holderOf(message.data) };
  }

  async take(
    name: string,
    { node, life }: Pick<Claim, "node" | "life">,
    over: Claim | null,
  ): Promise<Claim | undefined> {
    const value = new TextEncoder().encode(JSON.stringify({ node, life }));
    let revision = await this.#write(CLAIMS_BUCKET, name, value, over?.revision ?? 0);
    if (revision === undefined && over === null) {
      const message = await this.#last(CLAIMS_BUCKET, name);
      if (message !== null && !isDeleted(message)) return undefined;
      if (message !== null) await this.#erase(CLAIMS_BUCKET, message.seq); // who gave it back did not come to it
      revision = await this.#write(CLAIMS_BUCKET, name, value, 0);
    }
    return revision === undefined ? undefined : { name, node, life, revision };
  }

  async release({ name, revision }: Claim): Promise<void> {
    const mark = await this.#write(CLAIMS_BUCKET, name, null, revision);
    if (mark !== undefined) await this.#erase(CLAIMS_BUCKET, mark);
  }

  async readKept(name: string): Promise<Kept> {
    const message = await this.#last(KEPT_BUCKET, name);
    if (message === null) return { value: null, revision: 0 };
    return { value: isDeleted(message) ? null : message.data, revision: message.seq };
  }

  async writeKept(name: string, value: Uint8Array | null, over: number): Promise<number | undefined> {
    return await this.#write(KEPT_BUCKET, name, value, over);
  }

  async eraseKept(_name: string, revision: number): Promise<void> {
    await this.#erase(KEPT_BUCKET, revision);
  }

  async #write(bucket: Bucket, name: string, value: Uint8Array | null, over: number): Promise<number | undefined> {
    const subject = this.#subject(bucket, name);
    const { js, nc } = await this.#open();
    const most = (nc.info?.max_payload ?? 0) - HEADERS_BYTES; // below 0 when it is not connected now
    if (most > 0 && value !== null && value.byteLength > most)
      throw new ClaimsError(this.where, `its servers take at most ${most} bytes: got ${value.byteLength}`);
    const extra = headers();
    if (value === null) extra.set(OPERATION, DELETED);
    const expect = { lastSubjectSequence: over, streamName: streamOf(bucket) };
    const once = over === 0 ? {} : { msgID: `${subject}/${over}` };
    try {
      const { seq, duplicate } = await js.publish(subject, value ?? new Uint8Array(), {
        expect,
        headers: extra,
        ...once,
      });
      return duplicate ? undefined : seq;
    } catch (error) {
      if (isOneOf(error, OVERTAKEN)) return undefined;
      throw this.#failed(error);
    }
  }

  async #erase(bucket: Bucket, revision: number): Promise<void> {
    const { manager } = await this.#open();
    try {
      await manager.streams.deleteMessage(streamOf(bucket), revision, false);
    } catch (error) {
      if (!isOneOf(error, NO_MESSAGE)) throw this.#failed(error);
    }
  }

  async #last(bucket: Bucket, name: string): Promise<StoredMsg | null> {
    const subject = this.#subject(bucket, name);
    const { manager } = await this.#open();
    try {
      return await manager.streams.getMessage(streamOf(bucket), { last_by_subj: subject });
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #subject({ name: bucket }: Bucket, name: string): string {
    const key = keyOf(name);
    if (key.length > NAME_BYTES)
      throw new ClaimsError(this.where, `a name has at most ${NAME_BYTES} characters as a key: got ${key.length}`);
    if (nameOfKey(key) !== name)
      throw new ClaimsError(this.where, `a name must be well-formed Unicode: got ${JSON.stringify(name)}`);
    return `$KV.${bucket}.${key}`;
  }

  async #open(): Promise<OpenStore> {
    const open = await this.#store.open().catch((cause: unknown) => {
      throw new ClaimsError(this.where, `none of its servers lets it in: ${textOf(cause)}`, { cause });
    });
    if (!this.#isThere) {
      for (const bucket of [CLAIMS_BUCKET, KEPT_BUCKET]) await this.#assert(open.manager, bucket);
      this.#isThere = true;
    }
    return open;
  }

  /** An administrator's has as many copies as it has; one that is not there this node makes, if it may. */
  async #assert(manager: JetStreamManager, bucket: Bucket): Promise<void> {
    const there = await bucketReplicas(manager, bucket).catch((cause: unknown) => {
      const rule = `JetStream does not answer: is it on there, and may this node's user use it? ${textOf(cause)}`;
      throw new ClaimsError(this.where, rule, { cause });
    });
    if (there !== undefined) return;
    try {
      await assertBucket(manager, bucket, 1);
    } catch (cause) {
      if ((await bucketReplicas(manager, bucket).catch(() => undefined)) !== undefined) return; // another was faster
      const rule = `there is no bucket "${bucket.name}", and this node may not make it`;
      throw new ClaimsError(this.where, `${rule}: ${textOf(cause)}; jackfield cluster set-up makes it`, { cause });
    }
  }

  #failed(cause: unknown): ClaimsError {
    const how = cause instanceof JetStreamApiError ? "its servers refuse" : "it does not answer now";
    return new ClaimsError(this.where, `${how}: ${textOf(cause)}`, { cause });
  }
}

/**
 * A name as a key: all but letters, digits, `-` and `_` as `=` and two hexadecimal digits, so that people can read it:
 * `room=2F42=3Achat=3Atemplate=2Eos`.
 */
export function keyOf(name: string): string {
  return name.replace(OTHERS, (letters) =>
    [...new TextEncoder().encode(letters)]
      .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}

/** @returns undefined: nobody's name is written so */
export function nameOfKey(key: string): string | undefined {
  try {
    const name = decodeURIComponent(key.replaceAll("=", "%"));
    return keyOf(name) === key ? name : undefined;
  } catch {
    return undefined;
  }
}

function isDeleted(message: StoredMsg): boolean {
  return ["DEL", "PURGE"].includes(message.header.get(OPERATION));
}

/** What is no claim is of a node that is never there: whoever wants the name takes it over. */
function holderOf(data: Uint8Array): Pick<Claim, "node" | "life"> {
  try {
    const { node, life } = JSON.parse(new TextDecoder().decode(data)) as { node?: unknown; life?: unknown };
    if (isShort(node) && isShort(life)) return { node, life };
  } catch {
    // not ours
  }
  return { node: "", life: "" };
}

function isShort(value: unknown): value is string {
  return typeof value === "string" && value.length <= TEXT_MAX;
}

function isOneOf(error: unknown, codes: readonly number[]): boolean {
  return error instanceof JetStreamApiError && codes.includes(error.code);
}

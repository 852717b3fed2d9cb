/**
 * What comes to the http-server from other nodes: of their http-servers about channels that two nodes share, and of their
 * processes (docs/adr/0035). All else that they ask gets the answer of one that owns nothing (contract kinode §9, 29 and 87).
 */
import { type Kernel, networkCapability } from "../kernel/index.ts";
import {
  Address,
  ANY_NODE,
  type Blob,
  type Envelope,
  HTTP_SERVER,
  type HttpServerErrorKind,
  isOnBehalf,
  ProcessId,
} from "../lib/protocol/index.ts";
import { LATER } from "./action-result.ts";
import { type Action, parseAction } from "./actions.ts";
import type { Channels } from "./channels.ts";
import { FarChannels } from "./far-channels.ts";
import { type FarAnswer, farArgument, isCount, readBatch, TAKEN } from "./far-events.ts";
import { FarNames } from "./far-names.ts";
import { FarOwners, type FarParts } from "./far-owners.ts";

type Fields = Readonly<Record<string, unknown>>;

export class Far {
  readonly owners: FarOwners;
  readonly channels: FarChannels;
  readonly names: FarNames;
  readonly #near: Channels;
  readonly #kernel: Kernel;

  constructor(parts: FarParts, isSecure: (id: ProcessId) => boolean) {
    this.owners = new FarOwners(parts);
    this.channels = new FarChannels(parts, isSecure);
    this.names = new FarNames(parts, this.owners, isSecure);
    this.#near = parts.channels;
    this.#kernel = parts.kernel;
    this.#kernel.losses = {
      missed: (node) => this.owners.missed(node),
      unsent: (target) => this.channels.unsent(target),
    };
  }

  /** Whether that names this node. */
  isLocal(node: string): boolean {
    return node === "our" || node === this.#kernel.name;
  }

  /** With this node's name where it says `our`. */
  full(to: Address): Address {
    return to.node === "our" ? this.#kernel.address(to.id) : to;
  }

  /** Hands a channel over to a process of another node: who may message it may. Whether it is taken shows there. */
  transfer(from: Address, channelId: number, to: Address, note: Blob | null): HttpServerErrorKind | undefined {
    const channel = this.#near.channelOf(from, channelId);
    const owner = channel?.owner ?? null;
    if (channel === undefined || owner === null) return "WsChannelNotFound";
    if (to.node === ANY_NODE) {
      const here = this.#kernel.registry.get(to.id); // who else has it is not known in this turn
      return here === undefined ? "WsTargetNotFound" : this.#near.transfer(from, channelId, here.address, note);
    }
    if (this.isLocal(to.node) || this.#kernel.link === null) return "WsTargetNotFound"; // a stand-in, or nowhere
    if (channel.extension !== null || !owner.capabilities.has(networkCapability(this.#kernel.name)))
      return "WsTargetDenied"; // an extension's questions wait for answers, which do not cross
    const standIn = this.owners.of(to);
    return standIn === undefined ? "WsTargetNotFound" : this.#near.transfer(from, channelId, standIn.address, note);
  }

  /**
   * @param respond for what is answered later
   * @returns what to answer an http-server; LATER; undefined: `message` is not one's word, see `act`
   */
  heard(
    message: Envelope,
    respond: (body: unknown) => void,
  ): FarAnswer | "MalformedRequest" | typeof LATER | undefined {
    const { source, body, blob } = message;
    const far = source.id.text === HTTP_SERVER.text ? farArgument(body) : undefined;
    if (far === undefined) return undefined;
    const [name, fields] = far;
    if (name === "FarEvents") {
      const batch = readBatch(fields);
      return batch === undefined ? "MalformedRequest" : this.channels.take(source.node, batch, blob);
    }
    if (name === "FarProbe") return this.owners.probed(source.node, fields.session);
    if (name === "FarLeave") this.owners.left(source.node);
    else if (typeof fields.to !== "string") return "MalformedRequest";
    else if (name === "FarSeek") {
      this.names.sought(source, fields.to, respond);
      return LATER;
    } else this.#owned(source.node, fields.to, name, fields, message);
    return TAKEN;
  }

  /** What a process of another node asks. @returns undefined: it was done */
  act(message: Envelope): HttpServerErrorKind | undefined {
    const { source, body, blob } = message;
    const action = parseAction(body);
    if (action === undefined) return "MalformedRequest";
    return isOnBehalf(message) ? notOwned(action) : this.#act(action, source, blob);
  }

  #act(action: Action, source: Address, blob: Envelope["blob"]): HttpServerErrorKind | undefined {
    switch (action.kind) {
      case "push": {
        const { channelId, messageType, key } = action;
        return this.#near.push(this.owners.acting(source, channelId), channelId, messageType, blob, key);
      }
      case "close": {
        const { channelId, code, reason } = action;
        return this.#near.close(this.owners.acting(source, channelId), channelId, code, reason);
      }
      case "publish":
        return this.#near.publish(source, action.topic, action.messageType, blob); // it has no topic here: nobody hears
      default:
        return notOwned(action);
    }
  }

  /** Of the process `to` of `node`, which owns channels here. */
  #owned(node: string, to: string, name: string, fields: Fields, { blob }: Envelope): void {
    const owner = this.owners.standIn(new Address(node, ProcessId.parse(to)));
    if (owner === undefined) return;
    const { channel_id: id, channel_ids: ids, topic, on, code, reason, message_type: type } = fields;
    if (name === "FarEnd" && Array.isArray(ids) && isCount(code) && typeof reason === "string") {
      for (const each of ids) if (isCount(each)) this.owners.end(node, to, each, { code, reason });
    } else if (typeof topic !== "string") return;
    else if (name === "FarPublish" && (type === "Text" || type === "Binary"))
      this.#near.publish(owner, topic, type, blob);
    else if (name === "FarTopic" && isCount(id)) {
      if (on === true) this.#near.subscribe(owner, id, topic);
      else this.#near.unsubscribe(owner, id, topic);
    }
  }
}

function notOwned(action: Action): HttpServerErrorKind {
  return "path" in action ? "InvalidSourceProcess" : "WsChannelNotFound";
}

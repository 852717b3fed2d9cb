/**
 * streams:distro:sys: named outputs and inputs, and who has to do with them. README.md has its actions.
 *
 * Needs   nothing. Public; `trusted`, so that samples reach processes that are not.
 * State   none that outlives the node. The names outlive an incarnation: those who declared them are not asked again.
 *
 * 1. It passes on what it is given, at once and in the order given; nothing waits here.
 * 2. A process that ends is told by the kernel's monitors, before anything that its next incarnation asks.
 */
import { type Address, allowed, type Context, defineProcess, type Message, type Program } from "jackfield/process";
import { HTTP_SERVER, type StreamResult } from "jackfield/protocol";
import {
  type Fields,
  readAction,
  readAppId,
  readFlag,
  readName,
  readNewName,
  readSession,
  StreamRefusal,
} from "./actions.ts";
import { STREAM_LIMITS, type StreamLimits } from "./limits.ts";
import { Names, type NamesPort } from "./names.ts";

/** One program of one node: its incarnations have the names in common. */
export function streamsProcess(limits: StreamLimits = STREAM_LIMITS): Program {
  let names: Names | undefined;
  return defineProcess<StreamRegistry>({
    init(ctx) {
      const port = portOf(ctx);
      if (names === undefined) names = new Names(limits, port);
      else names.adopt(port);
      return new StreamRegistry(ctx, names, limits);
    },
    onRequest: (registry, message) => registry.handle(message),
    onDown: (_registry, { process, restarts }) => names?.down(process, restarts),
  });
}

function portOf(ctx: Context<StreamRegistry>): NamesPort {
  return {
    tell: (to, event) => ctx.host.tell(to, event, null),
    watch(process, watched) {
      if (!watched) return void ctx.demonitor(process).catch(() => undefined); // it is gone
      ctx.monitor(process).catch((thrown: unknown) => {
        ctx.log(`the end of ${process.text} will not be heard: ${thrown instanceof Error ? thrown.message : thrown}`);
      });
    },
  };
}

/** What is answered, and what is told behind that. */
type Outcome = { readonly body: StreamResult; readonly behind?: () => void };

const OK: Outcome = { body: "Ok" };

class StreamRegistry {
  readonly #ctx: Context<StreamRegistry>;
  readonly #names: Names;
  readonly #limits: StreamLimits;

  constructor(ctx: Context<StreamRegistry>, names: Names, limits: StreamLimits) {
    this.#ctx = ctx;
    this.#names = names;
    this.#limits = limits;
  }

  handle(message: Message): void | Promise<void> {
    try {
      const [action, given] = readAction(message.body);
      if (action === "Listen") return this.#listen(message, given);
      this.#answer(message, this.#do(message.source, action, given));
    } catch (thrown) {
      this.#refuse(message, thrown);
    }
  }

  /** @throws {StreamRefusal} */
  #do(by: Address, action: string, given: Fields): Outcome {
    const names = this.#names;
    if (action === "Publish") return this.#publish(by, given);
    if (action === "Names") return { body: { Names: names.list() } };
    this.#assertProcess(by);
    switch (action) {
      case "DeclareOutput":
      case "DeclareInput":
        return { body: "Ok", behind: this.#declare(by, action, given) };
      case "SetReady":
        names.setReady(by, readName(given), readFlag(given.ready, undefined));
        return OK;
      case "Withdraw":
        names.withdraw(by, readName(given));
        return OK;
      case "Unlisten":
        names.unlisten(by, readName(given));
        return OK;
      case "OpenInput":
        names.open(by, readName(given), readSession(given, this.#limits), readAppId(given, this.#limits));
        return OK;
      case "CloseInput":
        names.close(by, readName(given), readSession(given, this.#limits));
        return OK;
      case "Feed":
        if (!Array.isArray(given.samples)) throw new StreamRefusal("MalformedRequest");
        names.feed(by, readName(given), readSession(given, this.#limits), given.samples);
        return OK;
      default:
        throw new StreamRefusal("MalformedRequest");
    }
  }

  #declare(by: Address, action: string, given: Fields): () => void {
    const name = readNewName(given, this.#limits);
    const kind = action === "DeclareOutput" ? "output" : "input";
    return this.#names.declare(by, {
      kind,
      name,
      ready: readFlag(given.ready, true),
      private: kind === "output" && readFlag(given.private, false),
    });
  }

  /** Hot path. */
  #publish(by: Address, { name, data, produced_timestamp_s: given }: Fields): Outcome {
    if (typeof name !== "string") throw new StreamRefusal("MalformedRequest");
    const time = typeof given === "number" && Number.isFinite(given) ? given : this.#ctx.now() / 1000;
    this.#names.publish(by, name, data ?? null, time);
    return OK;
  }

  /** Only who would listen to a private output waits for the kernel's word. */
  #listen(message: Message, given: Fields): void | Promise<void> {
    const { source } = message;
    this.#assertProcess(source);
    const name = readName(given);
    const { private: isPrivate, owner } = this.#names.assertHeard(name);
    const own = owner.id.packageId.text;
    if (!isPrivate) {
      this.#names.listen(source, name, false);
      return this.#answer(message, OK);
    }
    const needs = { kind: "listen", name };
    return allowed(this.#ctx, message, needs, { owner: own }).then((isAllowed) => {
      try {
        if (!isAllowed) throw new StreamRefusal({ NoListenCap: { name } });
        this.#names.listen(source, name, source.id.packageId.text !== own);
        this.#answer(message, OK);
      } catch (thrown) {
        this.#refuse(message, thrown);
      }
    });
  }

  /** By RPC the http-server asks for a person: it could not pass on what comes. */
  #assertProcess(by: Address): void {
    const isProcess = by.node === this.#ctx.node && by.id.text !== HTTP_SERVER.text;
    if (!isProcess) throw new StreamRefusal({ NotAProcess: { address: by.text } });
  }

  #answer(message: Message, { body, behind }: Outcome): void {
    if (message.rsvp !== null) this.#ctx.respond(body, { to: message });
    behind?.();
  }

  #refuse(message: Message, thrown: unknown): void {
    if (!(thrown instanceof StreamRefusal)) throw thrown;
    if (message.rsvp !== null) this.#ctx.respond({ Err: thrown.fault }, { to: message });
  }
}

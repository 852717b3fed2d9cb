/**
 * A process that does what it is told, wherever it runs: functions come as text, and run in its handlers.
 *
 * 1. `{ run, args }` of the driver runs at once, in the handler of that request, and is answered with what it returned
 *    or threw; with `crash`, what it throws is the handler's own throw.
 * 2. `{ on, act, args }` of the driver says what to do with each event of that kind from now on, in this incarnation.
 *    What nobody said anything about is reported as it came.
 * 3. A function returns: then the handler is synchronous; or a promise: then the handler is.
 * 4. `<process>.init.txt` in its folder, when it is there, is what its init does.
 *
 * test/support/stage.ts is its other half, and says what `me` has.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as lib from "jackfield/process";
import * as protocol from "jackfield/protocol";

const DRIVER = "driver:test:sys";

export default lib.defineProcess({
  init(ctx) {
    const me = new Puppet(ctx);
    const plan = join(ctx.host.folder, `${ctx.our.id.process}.init.txt`);
    const begun = existsSync(plan) ? evaluated(readFileSync(plan, "utf8"))(me) : undefined;
    return isPromise(begun) ? begun.then(() => me) : me;
  },
  onRequest(me, message) {
    const { body, source } = message;
    if (source.id.text !== DRIVER) return me.act("request", message);
    if (body?.run !== undefined) return me.obey(message);
    if (body?.on === undefined) return me.act("request", message);
    me.acts.set(body.on, { act: evaluated(body.act), args: body.args });
    return me.ctx.respond({ value: null });
  },
  onResponse: (me, message) => me.act("response", message),
  onSendError: (me, error) => me.act("error", error),
  onOpen: (me, open) => me.act("open", open),
  onPush: (me, push, blob) => me.act("push", { ...push, blob }),
  onClose: (me, close) => me.act("close", close),
  onDown: (me, down) => me.act("down", down),
  onHttp: (me, request) => me.act("http", request),
  onExit: (me) => me.act("exit", null),
});

class Puppet {
  lib = lib;
  protocol = protocol;
  keep = { all: [], ended: new Map() };
  acts = new Map();

  constructor(ctx) {
    this.ctx = ctx;
  }

  report(value) {
    this.ctx.request(DRIVER).body({ report: value }).send();
  }

  /** One more of `name` in this package's folder, over all incarnations. */
  count(name) {
    const file = join(this.ctx.host.folder, `${name}.count`);
    const next = existsSync(file) ? Number(readFileSync(file, "utf8")) + 1 : 1;
    writeFileSync(file, String(next));
    return next;
  }

  async gate(name) {
    const file = join(this.ctx.host.folder, `${name}.gate`);
    while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  block(name) {
    const file = join(this.ctx.host.folder, `${name}.gate`);
    while (!existsSync(file)) {} // the thread does nothing else meanwhile
  }

  seen(message) {
    if (message instanceof lib.SendError) return { kind: "error", ...this.error(message) };
    return {
      kind: message.kind,
      source: message.source.text,
      body: message.body,
      blob: message.blob?.text() ?? null,
      mime: message.blob?.mime ?? null,
      metadata: message.metadata,
      context: message.context ?? null,
      capabilities: message.capabilities.map(({ issuer, params }) => `${issuer} ${params}`),
      asked: message.rsvp !== null,
    };
  }

  error(thrown) {
    if (!(thrown instanceof Error)) return { name: typeof thrown, message: String(thrown) };
    const { name, message, code = null } = thrown;
    if (!(thrown instanceof lib.SendError)) return { name, message, code };
    return {
      name,
      message,
      code,
      error: thrown.kind,
      target: thrown.target.text,
      body: thrown.body,
      blob: thrown.blob?.text() ?? null,
      context: thrown.context ?? null,
    };
  }

  /** What is thrown by `work`, described. */
  async caught(work) {
    try {
      await work();
    } catch (thrown) {
      return this.error(thrown);
    }
    return null;
  }

  /** The same for what must be thrown before it returns. */
  caughtNow(work) {
    try {
      const result = work();
      if (isPromise(result)) result.catch(() => undefined);
    } catch (thrown) {
      return this.error(thrown);
    }
    return null;
  }

  act(kind, event) {
    const known = this.acts.get(kind);
    if (known !== undefined) return nothing(known.act(this, event, known.args));
    if (kind === "exit") return undefined;
    return this.report(plain(this, kind, event));
  }

  obey(request) {
    const { run, args, crash } = request.body;
    const respond = (body) => {
      if (request.rsvp !== null) this.ctx.respond(body, { to: request });
    };
    const done = (value) => respond({ value: value ?? null });
    const failed = (thrown) => {
      if (crash) throw thrown;
      respond({ threw: this.error(thrown) });
    };
    let result;
    try {
      result = evaluated(run)(this, args);
    } catch (thrown) {
      return failed(thrown);
    }
    return isPromise(result) ? result.then(done, failed) : done(result);
  }
}

function plain(me, kind, event) {
  if (kind === "push") {
    const { blob, ...push } = event;
    return { kind, ...push, text: blob.text() ?? null, bytes: [...blob.bytes()], isText: blob.isText };
  }
  if (kind === "http") return { kind, method: event.method, path: event.path };
  if (kind === "request" || kind === "response" || kind === "error") return me.seen(event);
  return { kind, ...event };
}

/** What a test's function returns is no state of this process. */
function nothing(result) {
  return isPromise(result) ? result.then(() => undefined) : undefined;
}

function isPromise(value) {
  return typeof value?.then === "function";
}

function evaluated(source) {
  return new Function(`"use strict"; return (${source});`)();
}

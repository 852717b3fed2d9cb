/** Session and Outputs without sockets: whatever clients, sources and the registry do in whatever order, the rules hold. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { StreamAction } from "../../../lib/protocol/index.ts";
import { readClientMessage } from "../../../processes/labgraph/client-message.ts";
import { Keepalive } from "../../../processes/labgraph/keepalive.ts";
import { LABGRAPH_LIMITS } from "../../../processes/labgraph/limits.ts";
import { Outputs } from "../../../processes/labgraph/outputs.ts";
import { type Answered, type Hall, Session } from "../../../processes/labgraph/session.ts";
import { readSettings } from "../../../processes/labgraph/settings.ts";
import { end, input, start } from "../../support/labgraph.ts";

const SESSIONS = 3;
const OUTPUTS = ["a", "b"];
const INPUTS = ["in"];
const IDS = ["X", "Y"];

type Heard = {
  readonly api_event?: {
    readonly request_id?: number;
    readonly start_stream_event?: { readonly stream_id: string };
    readonly end_stream_event?: { readonly stream_id: string };
    readonly error_event?: { readonly error_code: string };
  };
  readonly stream_batch?: { readonly stream_id: string } & Readonly<
    Record<string, { readonly batch_num: number; readonly samples: readonly { readonly data: number }[] }>
  >;
};

/** A registry of two outputs and an input, which answers when it is told to, and sessions against it. */
class Stage {
  readonly outputs: Outputs;
  readonly sessions: Session[] = [];
  readonly heard: Heard[][] = [];
  readonly pings: Uint8Array[][] = [];
  readonly #asked: (StreamAction | undefined)[] = [];
  readonly #listening = new Set<string>();
  readonly #hall: Hall;
  /** Which session has the input; undefined: none. */
  opener: number | undefined;
  isReady = true;
  log: string[] = [];

  constructor() {
    this.outputs = new Outputs({
      unused: (name) => void this.#listening.delete(name),
      log: (line) => void this.log.push(line),
      now: () => 1000,
    });
    this.#hall = { settings: readSettings({}), outputs: this.outputs, inputs: new Set() };
    for (let id = 0; id < SESSIONS; id++) {
      this.heard[id] = [];
      this.pings[id] = [];
      this.sessions[id] = new Session(
        {
          id,
          push: (text) => void this.heard[id]?.push(JSON.parse(text) as Heard),
          ping: (payload) => void this.pings[id]?.push(payload),
          ask: (action) => {
            expect(this.#asked[id]).toBeUndefined(); // one at a time
            this.#asked[id] = action;
          },
          tell: (action) => this.#told(id, action),
          now: () => 1000,
        },
        this.#hall,
      );
    }
  }

  send(id: number, message: unknown): void {
    const text = JSON.stringify(message);
    this.sessions[id]?.receive(readClientMessage(text), text.length);
  }

  /** The registry answers what `id` has asked. */
  answer(id: number): boolean {
    const action = this.#asked[id];
    if (action === undefined) return false;
    this.#asked[id] = undefined;
    this.sessions[id]?.answered(this.#answerTo(id, action));
    return true;
  }

  publish(name: string, data: number): void {
    if (this.#listening.has(name)) this.outputs.publish({ name, data, producedTimestampS: 1 });
  }

  answerAll(): void {
    while (this.sessions.some((_, id) => this.answer(id)));
  }

  get listening(): readonly string[] {
    return [...this.#listening].sort();
  }

  #answerTo(id: number, action: StreamAction): Answered {
    if (typeof action === "object" && "Listen" in action) {
      const { name } = action.Listen;
      if (!OUTPUTS.includes(name)) return { Err: { NonExistentStream: { name } } };
      if (!this.isReady) return { Err: { NotReady: { name } } };
      this.#listening.add(name);
      return "Ok";
    }
    if (typeof action !== "object" || !("OpenInput" in action)) throw new Error(`asked ${JSON.stringify(action)}`);
    if (!INPUTS.includes(action.OpenInput.name)) return { Err: { NonExistentStream: {} } };
    if (this.opener !== undefined) return { Err: { InputTaken: {} } };
    this.opener = id;
    return "Ok";
  }

  #told(id: number, action: StreamAction): void {
    if (typeof action === "object" && "Feed" in action) expect(this.opener).toBe(id); // none is lost at the registry
    if (typeof action === "object" && "CloseInput" in action) {
      expect(this.opener).toBe(id);
      this.opener = undefined;
    }
  }
}

const someSession = fc.nat({ max: SESSIONS - 1 });
const someId = fc.constantFrom(...IDS);
const someName = fc.constantFrom(...OUTPUTS, ...INPUTS, "none");

type Step = (stage: Stage, num: number) => void;
type Act = readonly [what: string, step: Step];
const act = (what: string, step: Step): Act => [what, step];

const steps: fc.Arbitrary<Act> = fc.oneof(
  fc
    .tuple(someSession, someId, someName)
    .map(([id, sid, name]) =>
      act(`${id} starts ${sid} ${name}`, (stage, num) => stage.send(id, start(sid, name, num))),
    ),
  fc
    .tuple(someSession, someId)
    .map(([id, sid]) => act(`${id} ends ${sid}`, (stage, num) => stage.send(id, end(sid, num)))),
  fc
    .tuple(someSession, someId, someName)
    .map(([id, sid, name]) =>
      act(`${id} feeds ${sid} ${name}`, (stage, num) => stage.send(id, input(sid, name, [num]))),
    ),
  someSession.map((id) => act(`answer to ${id}`, (stage) => void stage.answer(id))),
  fc.constantFrom(...OUTPUTS).map((name) => act(`publish ${name}`, (stage, num) => stage.publish(name, num))),
  someSession.map((id) => act(`${id} leaves`, (stage) => stage.sessions[id]?.end())),
  someSession.map((id) =>
    act(`${id} reads`, (stage) => {
      for (const ping of stage.pings[id]?.splice(0) ?? []) stage.sessions[id]?.pong(ping);
    }),
  ),
  fc.boolean().map((isReady) =>
    act(`ready ${isReady}`, (stage) => {
      stage.isReady = isReady;
    }),
  ),
);

/** What one client heard, against the rules. */
function check(heard: readonly Heard[]): void {
  const open = new Map<string, number>(); // next number, by id
  for (const { api_event: event, stream_batch: batch } of heard) {
    if (batch !== undefined) {
      const { stream_id: id, ...named } = batch;
      const [content] = Object.values(named);
      expect(content?.batch_num).toBe(open.get(id)); // open, no gap, nothing behind its end
      expect(content?.samples).toHaveLength(1);
      open.set(id, (open.get(id) ?? 0) + 1);
    }
    const started = event?.start_stream_event?.stream_id;
    if (started !== undefined) {
      expect(open.has(started)).toBe(false);
      open.set(started, 1);
    }
    const ended = event?.end_stream_event?.stream_id;
    if (ended !== undefined) expect(open.delete(ended)).toBe(true);
    if (event?.error_event?.error_code === "StreamIDAlreadyExists") expect(open.size).toBeGreaterThan(0);
  }
}

describe("Session", () => {
  test("whatever happens: one answer per request in its order, batches only of open streams and without gaps", () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 80 }), (plan) => {
        const stage = new Stage();
        for (const [num, [, step]] of plan.entries()) step(stage, num);
        stage.answerAll();
        for (const heard of stage.heard) {
          check(heard);
          const answered = heard.flatMap(({ api_event: event }) => event?.request_id ?? []);
          expect(answered).toEqual([...answered].sort((one, two) => one - two)); // request ids grow with time
          expect(new Set(answered).size).toBe(answered.length);
        }
        for (const session of stage.sessions) session.end();
        expect([stage.opener, stage.outputs.size, stage.listening]).toEqual([undefined, 0, []]); // nothing is left
      }),
      { numRuns: 1000 },
    );
  });

  test("one that leaves while the registry is asked gives back what it is then granted", () => {
    const stage = new Stage();
    for (const name of ["a", "in"]) {
      stage.send(0, start("X", name));
      stage.sessions[0]?.end();
    }
    stage.answerAll();
    expect([stage.opener, stage.outputs.size, stage.heard[0]]).toEqual([undefined, 0, []]);
    stage.send(1, start("I", "in"));
    stage.answer(1); // no output of that name: the input is asked for
    stage.sessions[1]?.end();
    stage.answerAll();
    expect([stage.opener, stage.heard[1]]).toEqual([undefined, []]);
  });

  test("a session has as many streams as limits.streams at most", () => {
    const stage = new Stage();
    const { streams } = LABGRAPH_LIMITS;
    for (let n = 0; n <= streams; n++) stage.send(0, start(`X${n}`, "a", n));
    stage.answerAll();
    const last = stage.heard[0]?.slice(-2);
    expect(last?.[0]?.api_event?.start_stream_event).toEqual({ stream_id: `X${streams - 1}` });
    expect(last?.[1]?.api_event?.error_event).toEqual({
      error_code: "NonExistentStream",
      desc: `Cannot start stream "a" by stream id "X${streams}" as a session has at most ${streams} streams: end some first`,
    });
  });

  test("behind a start that is not answered no more waits than the limits say", () => {
    const { waitingMessages, waitingChars } = LABGRAPH_LIMITS;
    const [byCount, bySize] = [new Stage(), new Stage()];
    for (const stage of [byCount, bySize]) stage.send(0, start("X", "a"));
    const message = readClientMessage("?");
    const [counted, sized] = [byCount.sessions[0], bySize.sessions[0]];
    for (let n = 0; n < waitingMessages; n++) expect(counted?.receive(message, 1)).toBe(true);
    expect(counted?.receive(message, 1)).toBe(false);
    expect(sized?.receive(message, waitingChars)).toBe(true);
    expect(sized?.receive(message, 1)).toBe(false);
    bySize.answerAll();
    expect(sized?.receive(message, waitingChars + 1)).toBe(true); // nothing waits: it is handled at once
  });

  test.each([
    [{ Err: { LimitReached: {} } }, "this node has no room for more streams now"],
    [{ Err: { NoListenCap: {} } }, "it is not for this server"],
    [{ Err: "MalformedRequest" as const }, "the registry of streams says MalformedRequest"],
    [null, "the registry of streams does not answer: try again"],
  ])("the registry's %p is a stream that does not exist", (answer, why) => {
    const stage = new Stage();
    stage.send(0, start("X", "a"));
    stage.sessions[0]?.answered(answer);
    expect(stage.heard[0]?.[0]?.api_event?.error_event).toEqual({
      error_code: "NonExistentStream",
      desc: `Cannot start stream "a" by stream id "X" as ${why}`,
    });
    expect(stage.outputs.size).toBe(0);
  });
});

describe("Outputs", () => {
  test("what is no JSON is dropped, and said once in quietMs", () => {
    let now = 0;
    const log: string[] = [];
    const taken: string[] = [];
    const outputs = new Outputs({ unused: () => undefined, log: (line) => void log.push(line), now: () => now });
    outputs.add({ name: "a", take: ({ text }) => void taken.push(text) });
    const publish = (data: unknown): void => outputs.publish({ name: "a", data, producedTimestampS: 1 });
    publish(1n);
    publish(2n);
    now += LABGRAPH_LIMITS.quietMs - 1;
    publish(3n);
    expect(log).toEqual([
      'Cannot send a sample of "a" as it is nothing that JSON can hold: Do not know how to serialize a BigInt; 1 dropped so far',
    ]);
    now += 1;
    publish(4n);
    expect(log[1]).toMatch(/; 4 dropped so far$/);
    publish(5);
    expect(taken).toEqual(['{"data":5,"produced_timestamp_s":1,"timestamp_s":10}']);
  });
});

describe("Keepalive", () => {
  const { pingMs, silentMs } = LABGRAPH_LIMITS;

  test("pings each pingMs, and gives up silentMs after a ping that nothing followed", () => {
    const keepalive = new Keepalive(5);
    expect(keepalive.due(5 + pingMs - 1)).toBe("nothing");
    expect(keepalive.due(5 + pingMs)).toBe("ping");
    keepalive.heard();
    expect(keepalive.due(5 + 2 * pingMs)).toBe("ping");
    expect(keepalive.due(5 + 2 * pingMs + silentMs - 1)).toBe("nothing");
    expect(keepalive.due(5 + 2 * pingMs + silentMs)).toBe("silent");
  });
});

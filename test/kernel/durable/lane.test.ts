/** The lane over a JetStream that says what a test has it say: what real servers say only when they were killed in a bad moment. */
import { afterEach, expect, jest, test } from "@jest/globals";
import { NatsDurable } from "../../../kernel/link/nats-durable.ts";
import type { NatsStore } from "../../../kernel/link/nats-store.ts";
import { until } from "../../support/until.ts";

const BEFORE_MS = 14_900; // a node waits 15 s for what only seems to be missing
const AFTER_MS = 15_100;
const MISSING =
  'Cannot keep durable messages in "nats://test" as it says that there is no stream "IN_alice_os" with a consumer "k", which there was: made anew, where that may be, once it has said so for 15000 ms';

let now = 0;
afterEach(() => {
  jest.restoreAllMocks();
});

class FakeStream {
  isThere = false;
  /** Its consumer answers, whatever is said of it. */
  answers = false;
  /** What it says in place of "not found" while it is not there. */
  says = "stream not found";
  made = 0;
  asked = 0;
  pulled = 0;
  readonly options: unknown[] = [];
  #fail: () => void = () => undefined;
  #rest: () => void = () => undefined;

  /** Whoever asks for the next message hears that it is gone. */
  end(): void {
    this.isThere = false;
    this.#fail();
  }

  /** Whoever asks for the next message hears that there is none. */
  rest(): void {
    this.#rest();
  }

  store(): NatsStore {
    const next = (): Promise<null> =>
      new Promise((resolve, reject) => {
        this.pulled++;
        this.#rest = () => resolve(null);
        this.#fail = () => reject(new Error("no responders"));
        if (!this.isThere && !this.answers) this.#fail();
      });
    const get = async (): Promise<object> => {
      this.asked++;
      if (!this.isThere) throw new Error(this.says);
      return { next };
    };
    const publish = async (_subject: string, _bytes: Uint8Array, options: unknown): Promise<object> => {
      this.options.push(options);
      return { stream: "IN_bob_os", seq: this.options.length, duplicate: false };
    };
    const info = async (): Promise<object> => {
      if (!this.isThere) throw new Error(this.says);
      return { config: { num_replicas: 1 } };
    };
    const add = async (): Promise<void> => {
      this.made++;
      this.isThere = true;
    };
    const manager = { streams: { info, add }, consumers: { info, add: async () => undefined } };
    const open = async (): Promise<object> => ({ js: { publish, consumers: { get } }, manager });
    return { node: "alice.os", where: "nats://test", open } as unknown as NatsStore;
  }
}

function laneOf(stream: FakeStream): { readonly lane: NatsDurable; open(had: boolean): Promise<void> } {
  now = 1_000;
  jest.spyOn(performance, "now").mockImplementation(() => now);
  const lane = new NatsDurable(stream.store());
  return { lane, open: (had) => lane.open(async () => true, had) };
}

test("what is sent has no id that JetStream would know it again by, however often", async () => {
  const stream = new FakeStream();
  const { lane, open } = laneOf(stream);
  await open(false);
  for (let i = 0; i < 2; i++) await lane.publish("bob.os", new Uint8Array(1));
  expect(stream.options).toEqual([{ timeout: 4_000 }, { timeout: 4_000 }]);
  await lane.close();
});

test("a node that never had an inbox there makes one at once", async () => {
  const stream = new FakeStream();
  const { lane, open } = laneOf(stream);
  await open(false);
  expect(stream.made).toBe(1);
  await lane.close();
});

test("one that had it does not while it may only seem to be missing, and takes what it had", async () => {
  const stream = new FakeStream();
  const { lane, open } = laneOf(stream);
  await expect(open(true)).rejects.toThrow(MISSING);
  now += BEFORE_MS;
  await expect(open(true)).rejects.toThrow(MISSING);
  stream.isThere = true;
  await open(true);
  expect(stream.made).toBe(0);
  await lane.close();
});

test("and makes it anew when it stays missing", async () => {
  const stream = new FakeStream();
  const { lane, open } = laneOf(stream);
  await expect(open(true)).rejects.toThrow(MISSING);
  now += AFTER_MS;
  await open(true);
  expect(stream.made).toBe(1);
  await lane.close();
});

test("servers that do not answer meanwhile have not said that it is missing", async () => {
  const stream = new FakeStream();
  const { lane, open } = laneOf(stream);
  await expect(open(true)).rejects.toThrow(MISSING);
  now += AFTER_MS;
  stream.says = "timeout";
  await expect(open(true)).rejects.toThrow(
    'as it has no stream "IN_alice_os" with a consumer "k", and may not make them: timeout',
  );
  stream.says = "stream not found";
  await expect(open(true)).rejects.toThrow(MISSING);
  expect(stream.made).toBe(0);
  await lane.close();
});

test("each time that it is missing counts by itself", async () => {
  const stream = new FakeStream();
  const { lane, open } = laneOf(stream);
  await expect(open(true)).rejects.toThrow(MISSING);
  now += AFTER_MS;
  await open(true);
  const { asked } = stream;
  stream.end();
  await until(() => stream.asked >= asked + 3);
  expect(stream.made).toBe(1);
  await lane.close();
});

test("a consumer that answers meanwhile was not missing all the time", async () => {
  const stream = new FakeStream();
  stream.isThere = true;
  const { lane, open } = laneOf(stream);
  await open(true);
  stream.answers = true;
  const { pulled } = stream;
  stream.end(); // it is looked for, and said not to be there
  await until(() => stream.pulled > pulled);
  stream.rest();
  await until(() => stream.pulled > pulled + 1);
  now += AFTER_MS;
  stream.end();
  await until(() => stream.pulled > pulled + 2);
  expect(stream.made).toBe(0);
  await lane.close();
});

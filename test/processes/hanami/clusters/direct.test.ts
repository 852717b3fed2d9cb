/** Direct mode without sockets: the reply to each message, and what ends a connection (contract hanami §7). */
import { describe, expect, test } from "@jest/globals";
import { DirectTalk } from "../../../../processes/hanami/clusters/direct.ts";
import { clusterLimits } from "../../../../processes/hanami/clusters/limits.ts";
import { Model } from "../../../../processes/hanami/clusters/model.ts";
import type { Template, TemplateDialect } from "../../../../processes/hanami/clusters/template.ts";
import { DEFAULT_SETTINGS } from "../../../../processes/hanami/clusters/template.ts";
import { decodeClusterIo, type WireDialect } from "../../../../processes/hanami/protobuf/cluster-io.ts";
import { clientMessage } from "../client-message.ts";

const LIMITS = clusterLimits();
const ACK = { W1: "180120012a0400000000", W2: "18012801320400000000" };
const END = { W1: `1001${ACK.W1}`, W2: `1001${ACK.W2}` };

function model(more: Partial<Template> = {}, limits = LIMITS): Model {
  const template: Template = {
    dialect: "T1",
    settings: DEFAULT_SETTINGS,
    cells: 3,
    axons: 0,
    inputs: [{ name: "in", size: 2 }],
    inner: [4],
    outputs: [{ name: "out", size: 1 }],
    ...more,
  };
  return new Model(template, "b7f3a3c4-0000-4000-8000-000000000000", limits);
}

type Said = Parameters<typeof clientMessage>[0];

function take(talk: DirectTalk, said: Said): string {
  const answer = talk.take(clientMessage(said));
  return "closes" in answer ? `1008 ${answer.closes}` : Buffer.from(answer.reply).toString("hex");
}

function outputOf(talk: DirectTalk, said: Said): { readonly name: string; readonly values: number[] } {
  const answer = talk.take(clientMessage(said));
  if ("closes" in answer) throw new Error(answer.closes);
  const message = decodeClusterIo(answer.reply, said.dialect);
  if ("undecodable" in message) throw new Error(message.undecodable);
  expect(message).toMatchObject({ isLast: false, processType: "request" });
  if (message.values.length > 0) expect(message.dialect).toBe(said.dialect); // an empty one does not say
  expect(message.count).toBe(message.values.length);
  return { name: message.name, values: [...message.values] };
}

const REQUEST = { processType: "request", isLast: true } as const;
const TRAIN = { processType: "train", isLast: false } as const;

describe.each(["W1", "W2"] as const)("DirectTalk in %s", (dialect: WireDialect) => {
  const put: Said = { dialect, name: "in", values: [0, 1], ...TRAIN };
  const expected: Said = { dialect, name: "out", values: [1], target: "expected", ...TRAIN };

  test("acknowledges each message, trains on the last, and answers a request with the output", () => {
    const talk = new DirectTalk(model());
    expect(take(talk, put)).toBe(ACK[dialect]);
    expect(take(talk, { ...expected, isLast: true })).toBe(END[dialect]);
    const { name, values } = outputOf(talk, { ...put, ...REQUEST });
    expect(name).toBe("out");
    expect(values).toHaveLength(1);
    expect(values[0]).toBeGreaterThan(0);
    expect(values[0]).toBeLessThan(1);
  });

  test("a request that is not last is acknowledged like training", () => {
    expect(take(new DirectTalk(model()), { ...put, processType: "request" })).toBe(ACK[dialect]);
  });

  test("which message is last decides, whatever its name", () => {
    const talk = new DirectTalk(model());
    expect(take(talk, expected)).toBe(ACK[dialect]);
    expect(take(talk, { ...put, isLast: true })).toBe(END[dialect]);
  });

  test("learns, and asking does not change what it has learnt", () => {
    const talk = new DirectTalk(model());
    for (let round = 0; round < 200; round++) {
      for (const [values, wanted] of [
        [[0, 1], 1],
        [[1, 0], 0],
      ] as const) {
        take(talk, { ...put, values });
        take(talk, { ...expected, values: [wanted], isLast: true });
      }
    }
    const asked = { ...put, ...REQUEST };
    const first = outputOf(talk, asked).values[0] ?? 0;
    expect(first).toBeGreaterThan(0.8);
    expect(outputOf(talk, { ...asked, values: [1, 0] }).values[0]).toBeLessThan(0.2);
    expect(outputOf(talk, { ...asked, values: [500, 3] }).values).toHaveLength(1); // a larger scale, for this request alone
    expect(outputOf(talk, asked).values[0]).toBe(first);
  });

  test("an input is scaled by the largest value it was trained with, and keeps that scale", () => {
    const talk = new DirectTalk(model());
    const asked = { ...put, ...REQUEST };
    take(talk, { ...put, values: [200, 100] });
    take(talk, { ...expected, isLast: true });
    const large = outputOf(talk, { ...asked, values: [200, 100] });
    expect(outputOf(talk, { ...asked, values: [2, 1] })).not.toEqual(large); // faint, and not the same picture
    take(talk, { ...put, values: [2, 1] });
    expect(outputOf(talk, { ...asked, values: [200, 100] })).toEqual(large);
  });

  test("buffers keep what was put into them", () => {
    const shared = {
      inputs: [
        { name: "in", size: 2 },
        { name: "more", size: 1 },
      ],
    };
    const talk = new DirectTalk(model(shared));
    take(talk, put);
    const first = outputOf(talk, { dialect, name: "more", values: [3], ...REQUEST });
    expect(outputOf(talk, { dialect, name: "more", values: [3], ...REQUEST })).toEqual(first);
    take(talk, { ...put, values: [1, 0] });
    expect(outputOf(talk, { dialect, name: "more", values: [3], ...REQUEST })).not.toEqual(first);
  });

  test.each([
    ["an unknown name", { ...put, name: "nobody" }, /^1008 there is no (input|output) "nobody"$/],
    ["a vector of another length", { ...put, values: [1] }, '1008 input "in" has 2 values, not 1'],
    ["a longer vector", { ...put, values: [1, 2, 3] }, '1008 input "in" has 2 values, not 3'],
    ["an empty vector", { ...put, values: [] }, '1008 input "in" has 2 values, not 0'],
    ["another count", { ...put, count: 3 }, "1008 it says 3 values and brings 2"],
    ["NaN", { ...put, values: [0, Number.NaN] }, '1008 a value for input "in" is no finite number'],
    ["infinity", { ...put, values: [0, Number.POSITIVE_INFINITY] }, '1008 a value for input "in" is no finite number'],
    ["an expected value of infinity", { ...expected, values: [Number.NEGATIVE_INFINITY] }, /output "out" is no finite/],
  ])("ends the connection for %s", (_, said: Said, why) => {
    expect(take(new DirectTalk(model()), said)).toMatch(why);
  });

  test("a name of any length leaves room in a close frame", () => {
    const why = take(new DirectTalk(model()), { ...put, name: "x".repeat(5000) }).slice("1008 ".length);
    expect(Buffer.byteLength(why)).toBeLessThanOrEqual(123);
  });

  test("says that there is nothing to ask, or to train", () => {
    expect(take(new DirectTalk(model({ outputs: [] })), { ...put, ...REQUEST })).toBe("1008 the cluster has no output");
    expect(take(new DirectTalk(model({ outputs: [] })), { ...put, isLast: true })).toBe(
      "1008 the cluster has no output",
    );
    expect(take(new DirectTalk(model({ inputs: [] })), { ...expected, isLast: true })).toBe(
      "1008 the cluster has no input",
    );
  });

  test("of several outputs, a request is answered with the first", () => {
    const outputs = [
      { name: "first", size: 2 },
      { name: "second", size: 3 },
    ];
    const { name, values } = outputOf(new DirectTalk(model({ outputs })), { ...put, ...REQUEST });
    expect([name, values.length]).toEqual(["first", 2]);
  });
});

describe("DirectTalk", () => {
  const garbage = Uint8Array.of(0x0f);

  test("ends the connection for what it cannot read", () => {
    expect(new DirectTalk(model()).take(garbage)).toEqual({ closes: "it is no ClusterIO_Message" });
  });

  test("W2 says by its buffer what a vector is: an output cannot be written, names are looked up on one side only", () => {
    const talk = new DirectTalk(model());
    const said: Said = { dialect: "W2", name: "out", values: [1], ...TRAIN };
    expect(take(talk, { ...said, target: "output" })).toBe(
      "1008 an output cannot be written, send its expected values",
    );
    expect(take(talk, said)).toBe('1008 there is no input "out"');
    expect(take(talk, { ...said, name: "in", target: "expected" })).toBe('1008 there is no output "in"');
  });

  test.each([
    ["T1", "W1"],
    ["T2", "W2"],
    ["T2h", "W2"],
    ["T3", "W2"],
  ] as const)("a connection that never said its dialect is answered in that of %s: %s", (dialect, wire) => {
    const talk = new DirectTalk(model({ dialect, inputs: [{ name: "in", size: null }] }));
    // An empty vector says nothing of its dialect, and is refused here; so what decides is seen by the count it is read with.
    const answer = talk.take(clientMessage({ dialect: "W1", name: "in", values: [], count: 2, ...TRAIN }));
    const w1 = { closes: "it says 2 values and brings 0" };
    expect(answer).toEqual(wire === "W1" ? w1 : { closes: 'there is no output "in"' });
  });

  test("the last dialect heard stays for a message that does not say", () => {
    const talk = new DirectTalk(model({ dialect: "T1" as TemplateDialect }));
    take(talk, { dialect: "W2", name: "in", values: [0, 1], ...TRAIN });
    expect(talk.take(clientMessage({ dialect: "W1", name: "in", values: [], count: 2, ...TRAIN }))).toEqual({
      closes: 'there is no output "in"',
    });
  });

  test("T3: the first vector fixes a length; an output never seen is answered empty", () => {
    const sizeless = {
      dialect: "T3",
      inputs: [{ name: "in", size: null }],
      outputs: [{ name: "out", size: null }],
    } as const;
    const talk = new DirectTalk(model(sizeless));
    const put: Said = { dialect: "W2", name: "in", values: [1, 2, 3], ...TRAIN };
    expect(outputOf(talk, { ...put, ...REQUEST })).toEqual({ name: "out", values: [] });
    expect(take(talk, { ...put, isLast: true })).toBe(
      '1008 the size of output "out" is not known, send it a vector first',
    );
    expect(take(talk, { ...put, values: [1, 2] })).toBe('1008 input "in" has 3 values, not 2');
    take(talk, { dialect: "W2", name: "out", values: [1, 0], target: "expected", ...TRAIN, isLast: true });
    expect(outputOf(talk, { ...put, ...REQUEST }).values).toHaveLength(2);
  });

  test("T3: a vector that is refused for its values fixes no length", () => {
    const talk = new DirectTalk(model({ dialect: "T3", inputs: [{ name: "in", size: null }] }));
    const put: Said = { dialect: "W2", name: "in", values: [1, 2, Number.NaN], ...TRAIN };
    expect(take(talk, put)).toBe('1008 a value for input "in" is no finite number');
    expect(take(talk, { ...put, values: [1, 2] })).toBe(ACK.W2);
  });

  test("T3: a vector that makes the network too large is refused, and another one may follow", () => {
    const sizeless = { dialect: "T3", inputs: [{ name: "in", size: null }] } as const;
    const limits = clusterLimits({ weights: 100 });
    const talk = new DirectTalk(model(sizeless, limits));
    const put: Said = { dialect: "W2", name: "in", values: new Array(50).fill(1), ...TRAIN };
    expect(take(talk, put)).toBe('1008 with 50 values in "in" it would have 209 weights, 100 at most');
    expect(take(talk, { ...put, values: [1, 2] })).toBe(ACK.W2);
  });
});

/** What the server sends: its texts, the numbers of batches, and the largest message. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { refusal } from "../../../processes/labgraph/client-message.ts";
import {
  BatchWriter,
  encodeSample,
  endEvent,
  errorEvent,
  startEvent,
} from "../../../processes/labgraph/server-message.ts";

const VERSION = { apiVersion: "0.1" };
const LARGEST = 1_048_576; // bytes: contract labgraph §1

describe("events", () => {
  test("bear the version as a text, and echo the request id as it was written", () => {
    expect(startEvent(VERSION, "0", "X")).toBe(
      '{"api_version":"0.1","api_event":{"request_id":0,"start_stream_event":{"stream_id":"X"}}}',
    );
    expect(endEvent(VERSION, "12345678901234567890", 'Y"')).toBe(
      '{"api_version":"0.1","api_event":{"request_id":12345678901234567890,"end_stream_event":{"stream_id":"Y\\""}}}',
    );
  });

  test("an error has no request id where it knows none", () => {
    expect(errorEvent(VERSION, refusal("StreamIDNotFound", "none", "0"))).toBe(
      '{"api_version":"0.1","api_event":{"request_id":0,"error_event":{"error_code":"StreamIDNotFound","desc":"none"}}}',
    );
    expect(errorEvent(VERSION, refusal("InvalidMessageFormat", "why"))).toBe(
      '{"api_version":"0.1","api_event":{"error_event":{"error_code":"InvalidMessageFormat","desc":"why"}}}',
    );
  });
});

describe("encodeSample()", () => {
  test.each([
    [[1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], "[1.5,null,null,null]"],
    [{ a: new Float32Array([0.5, Number.NaN]) }, '{"a":[0.5,null]}'],
    [new Uint8Array([1, 2]), "[1,2]"],
    [undefined, "null"],
    ["é\ud800", '"é\\ud800"'],
  ])("%p becomes %s", (data, json) => {
    const { text, bytes } = encodeSample({ data, produced: 1.25, built: 2.5 });
    expect(text).toBe(`{"data":${json},"produced_timestamp_s":1.25,"timestamp_s":2.5}`);
    expect(bytes).toBe(Buffer.byteLength(text));
  });

  test("what JSON cannot hold is thrown at", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    for (const data of [circle, { a: 1n }])
      expect(() => encodeSample({ data, produced: 0, built: 0 })).toThrow(TypeError);
  });

  test("is always JSON", () => {
    fc.assert(
      fc.property(fc.anything({ withTypedArray: true }), fc.double(), (data, time) => {
        const { text } = encodeSample({ data, produced: time, built: 1 });
        expect(Object.keys(JSON.parse(text))).toEqual(["data", "produced_timestamp_s", "timestamp_s"]);
      }),
    );
  });
});

describe("BatchWriter", () => {
  test("numbers from 1, with version, id and name in this order whatever they are", () => {
    const writer = new BatchWriter(VERSION, "X", "7");
    const sample = encodeSample({ data: 1, produced: 1, built: 2 });
    const json = '{"data":1,"produced_timestamp_s":1,"timestamp_s":2}';
    expect(writer.write(sample)).toBe(
      `{"api_version":"0.1","stream_batch":{"stream_id":"X","7":{"samples":[${json}],"batch_num":1}}}`,
    );
    expect(writer.write(sample)).toBe(
      `{"api_version":"0.1","stream_batch":{"stream_id":"X","7":{"samples":[${json}],"batch_num":2}}}`,
    );
  });

  test("writes up to the largest message, to the byte; what is more takes no number", () => {
    const writer = new BatchWriter(VERSION, "é", "a.b");
    const empty = encodeSample({ data: "", produced: 1, built: 2 });
    const room = LARGEST - writer.bytesWith(empty);
    const fits = writer.write(encodeSample({ data: "a".repeat(room), produced: 1, built: 2 }));
    expect(Buffer.byteLength(fits ?? "")).toBe(LARGEST);
    const tooLarge = encodeSample({ data: "a".repeat(room + 1), produced: 1, built: 2 });
    expect(writer.write(tooLarge)).toBeUndefined();
    expect(writer.write(empty)).toContain('"batch_num":2}');
  });
});

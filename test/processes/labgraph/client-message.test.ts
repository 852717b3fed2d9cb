/** readClientMessage: the bad-input table of contract labgraph §6, and any text at all. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readClientMessage } from "../../../processes/labgraph/client-message.ts";
import { LABGRAPH_LIMITS } from "../../../processes/labgraph/limits.ts";

const START = `{"api_version":"0.1","api_request":{"request_id":0,"start_stream_request":`;
const END = `{"api_version":"0.1","api_request":{"request_id":0,"end_stream_request":`;

describe("readClientMessage()", () => {
  test.each([
    // What the real clients send (§2.5), byte by byte.
    [
      '{"api_version": "0.1", "api_request": {"request_id": 0, "start_stream_request": {"stream_id": "X", "a.b": {}, "app_id": "acc"}}}',
      { kind: "start", requestId: "0", streamId: "X", name: "a.b", appId: "acc" },
    ],
    [
      '{"api_version": "0.1", "api_request": {"request_id": 1, "start_stream_request": {"stream_id": "Y", "c.d": {}, "app_id": "acc"}}}',
      { kind: "start", requestId: "1", streamId: "Y", name: "c.d", appId: "acc" },
    ],
    [
      '{"api_version": "0.1", "api_request": {"request_id": 0, "end_stream_request": {"stream_id": "X"}}}',
      { kind: "end", requestId: "0", streamId: "X" },
    ],
    [
      '{"api_version": "0.1", "api_request": {"request_id": 1, "end_stream_request": {"stream_id": "Y"}}}',
      { kind: "end", requestId: "1", streamId: "Y" },
    ],
    [
      '{"api_version":"0.1","api_request":{"request_id":1,"start_stream_request":{"stream_id":"LABGRAPH.MONITOR","labgraph.monitor":{}}}}',
      { kind: "start", requestId: "1", streamId: "LABGRAPH.MONITOR", name: "labgraph.monitor", appId: null },
    ],
    [
      '{"api_version":"0.1","api_request":{"request_id":1,"end_stream_request":{"stream_id":"LABGRAPH.MONITOR","labgraph.monitor":{}}}}',
      { kind: "end", requestId: "1", streamId: "LABGRAPH.MONITOR" },
    ],
    [`${START}{"stream_id":"\\u00e9-1","\\u00e9":{}}}}`, { kind: "start", streamId: "é-1", name: "é" }],
    // Any version that is there (§2.1), any request id (§12).
    [`{"api_version":0.1,"api_request":{"request_id":0,"end_stream_request":{"stream_id":""}}}`, { streamId: "" }],
    [`{"api_version":null,"api_request":{"request_id":0,"end_stream_request":{"stream_id":"X"}}}`, { kind: "end" }],
    [
      `{"api_version":{},"api_request":{"request_id":12345678901234567890,"end_stream_request":{"stream_id":"X"}}}`,
      { requestId: "12345678901234567890" },
    ],
    [
      `{"api_version":"0.1","api_request":{"request_id": null ,"end_stream_request":{"stream_id":"X"}}}`,
      { requestId: "null" },
    ],
    // Names that are a trap in JavaScript (§12).
    [`${START}{"stream_id":"X","__proto__":{}}}}`, { kind: "start", name: "__proto__" }],
    [`${START}{"stream_id":"X","constructor":{}}}}`, { kind: "start", name: "constructor" }],
    [`${START}{"stream_id":"X","7":{}}}}`, { kind: "start", streamId: "X", name: "7" }],
    [`${START}{"stream_id":"X","a":5,"app_id":null}}}`, { kind: "start", name: "a", appId: null }],
    [
      `{"stream_batch":{"stream_id":"X","a.b":{"samples":[1,{"data":2}],"batch_num":1}}}`,
      { kind: "batch", streamId: "X", name: "a.b", samples: [1, { data: 2 }] },
    ],
  ])("reads %s", (text, message) => {
    expect(readClientMessage(text)).toMatchObject(message);
  });

  test.each([
    // §6, row by row.
    ["not JSON", "hello", "InvalidMessageFormat", "this is no JSON: "],
    ["not JSON, with a request's name", "start_stream_request", "InvalidMessageFormat", "this is no JSON: "],
    ["not JSON, with the other's", "{end_stream_request", "InvalidMessageFormat", "this is no JSON: "],
    ["the NaN of a Python peer", `{"stream_batch":NaN}`, "InvalidMessageFormat", "this is no JSON: "],
    ["nothing", "", "InvalidMessageFormat", "this is no JSON: "],
    ["a list", "[]", "InvalidMessageFormat", "a message is one JSON object"],
    ["null", "null", "InvalidMessageFormat", "a message is one JSON object"],
    ["a number", "7", "InvalidMessageFormat", "a message is one JSON object"],
    [
      "no api_version",
      `{"api_request":{"request_id":0,"start_stream_request":{"stream_id":"X","a":{}}}}`,
      "InvalidMessageFormat",
      "api_version is missing",
    ],
    ["neither", `{"api_version":"0.1"}`, "MessageNotSupported", "a client's message holds api_request or stream_batch"],
    [
      "an unknown request",
      `{"api_version":"0.1","api_request":{"request_id":0,"pause_stream_request":{}}}`,
      "MessageNotSupported",
      "an api_request holds start_stream_request or end_stream_request",
    ],
    [
      "no request_id",
      `{"api_version":"0.1","api_request":{"start_stream_request":{"stream_id":"X","a":{}}}}`,
      "InvalidMessageFormat",
      "request_id is missing",
    ],
    [
      "a start without stream_id",
      `${START}{"a":{}}}}`,
      "InvalidMessageFormat",
      "stream_id of start_stream_request must be a text",
    ],
    [
      "a start without a name",
      `${START}{"stream_id":"X","app_id":"a"}}}`,
      "InvalidMessageFormat",
      "start_stream_request names no stream: it is a key beside stream_id",
    ],
    [
      "a start with two names",
      `${START}{"stream_id":"X","a":{},"b":{}}}}`,
      "InvalidMessageFormat",
      'start_stream_request names two streams, "a" and "b": send one request for each',
    ],
    [
      "an event",
      `{"api_version":"0.1","api_event":{}}`,
      "MessageNotSupported",
      "a client's message holds api_request or stream_batch",
    ],
    // What the sheet leaves to us.
    [
      "a request and a batch",
      `{"api_version":"0.1","api_request":{},"stream_batch":{}}`,
      "InvalidMessageFormat",
      "a message holds api_request or stream_batch, not both",
    ],
    [
      "a request that is none",
      `{"api_version":"0.1","api_request":[]}`,
      "InvalidMessageFormat",
      "api_request must be an object",
    ],
    [
      "start and end at once",
      `{"api_version":"0.1","api_request":{"request_id":0,"start_stream_request":{},"end_stream_request":{}}}`,
      "InvalidMessageFormat",
      "an api_request holds start_stream_request or end_stream_request, not both",
    ],
    ["a start that is none", `${START}7}}`, "InvalidMessageFormat", "start_stream_request must be an object"],
    ["an end that is none", `${END}null}}`, "InvalidMessageFormat", "end_stream_request must be an object"],
    [
      "an end whose id is a number",
      `${END}{"stream_id":7}}}`,
      "InvalidMessageFormat",
      "stream_id of end_stream_request must be a text",
    ],
    [
      "an app_id that is no text",
      `${START}{"stream_id":"X","a":{},"app_id":7}}}`,
      "InvalidMessageFormat",
      "app_id must be a text",
    ],
    ["a batch that is none", `{"stream_batch":[]}`, "InvalidMessageFormat", "stream_batch must be an object"],
    [
      "a batch without samples",
      `{"stream_batch":{"stream_id":"X","a":{"batch_num":1}}}`,
      "InvalidMessageFormat",
      'samples of stream "a" must be a list',
    ],
  ])("%s is answered with %s", (_what, text, code, desc) => {
    const refused = readClientMessage(text);
    expect(refused).toMatchObject({ kind: "refused", code, requestId: null });
    expect(refused.kind === "refused" && refused.desc).toMatch(
      new RegExp(`^${desc.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}`),
    );
  });

  const { idChars, inputIdChars, nesting, quotedChars } = LABGRAPH_LIMITS;

  test("ids are as long as idChars at most", () => {
    const id = "i".repeat(idChars);
    expect(readClientMessage(`${END}{"stream_id":"${id}"}}}`)).toMatchObject({ kind: "end", streamId: id });
    expect(readClientMessage(`${END}{"stream_id":"${id}i"}}}`)).toMatchObject({
      code: "InvalidMessageFormat",
      desc: `stream_id has more than ${idChars} characters`,
    });
    const request = (length: number): string =>
      `{"api_version":"0.1","api_request":{"request_id":"${"r".repeat(length - 2)}","end_stream_request":{"stream_id":"X"}}}`;
    expect(readClientMessage(request(idChars))).toMatchObject({ kind: "end" });
    expect(readClientMessage(request(idChars + 1))).toMatchObject({
      code: "InvalidMessageFormat",
      desc: `request_id has more than ${idChars} characters`,
    });
  });

  test("an app id is cut, as it is for a log only", () => {
    const text = `${START}{"stream_id":"X","a":{},"app_id":"${"a".repeat(inputIdChars + 1)}"}}}`;
    expect(readClientMessage(text)).toMatchObject({ appId: "a".repeat(inputIdChars) });
  });

  test("samples are nested as deep as nesting at most, brackets in texts aside", () => {
    const batch = (depth: number): string =>
      `{"stream_batch":{"stream_id":"[[\\"[","a":{"samples":[${"[".repeat(depth)}${"]".repeat(depth)}]}}}`;
    expect(readClientMessage(batch(nesting - 4))).toMatchObject({ kind: "batch" });
    expect(readClientMessage(batch(nesting - 3))).toMatchObject({
      code: "InvalidMessageFormat",
      desc: `more than ${nesting} lists and objects stand within one another`,
    });
    expect(readClientMessage(batch(500_000))).toMatchObject({ code: "InvalidMessageFormat" });
  });

  test("a client's own words are quoted up to quotedChars", () => {
    const name = "n".repeat(quotedChars + 1);
    const refused = readClientMessage(`{"stream_batch":{"stream_id":"X","${name}":{}}}`);
    expect(refused).toMatchObject({ desc: `samples of stream "${"n".repeat(quotedChars)}…" must be a list` });
  });

  test("whatever comes, it is a message or one of two errors without a request id", () => {
    const keys = fc.constantFrom(
      "api_version",
      "api_request",
      "request_id",
      "start_stream_request",
      "end_stream_request",
      "stream_batch",
      "stream_id",
      "app_id",
      "samples",
      "a.b",
      "__proto__",
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 6 },
        fc.jsonValue(),
        fc.dictionary(keys, tie("tree"), { maxKeys: 5 }),
        fc.array(tie("tree"), { maxLength: 2 }),
      ),
    }));
    const texts = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      (tree as fc.Arbitrary<unknown>).map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const read = readClientMessage(text);
        if (read.kind !== "refused") return true;
        return ["InvalidMessageFormat", "MessageNotSupported"].includes(read.code) && read.requestId === null;
      }),
      { numRuns: 2000 },
    );
  });

  test("a start is read whatever its names, ids and order of keys are", () => {
    const name = fc.string({ unit: "binary" }).filter((each) => !["stream_id", "app_id"].includes(each));
    const id = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(
        name,
        id,
        fc.option(id),
        fc.jsonValue(),
        fc.boolean(),
        (stream, streamId, appId, requestId, isFirst) => {
          const pairs = [`"stream_id":${JSON.stringify(streamId)}`, `${JSON.stringify(stream)}:{}`];
          if (appId !== null) pairs.push(`"app_id":${JSON.stringify(appId)}`);
          const start = `"start_stream_request":{${(isFirst ? pairs : pairs.reverse()).join(",")}}`;
          const request = `"request_id":${JSON.stringify(requestId)}`;
          const text = `{"api_version":"0.1","api_request":{${isFirst ? `${request},${start}` : `${start},${request}`}}}`;
          const expected = { kind: "start", requestId: JSON.stringify(requestId), streamId, name: stream, appId };
          expect(readClientMessage(text)).toEqual(expected);
        },
      ),
    );
  });
});

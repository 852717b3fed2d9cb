/** V8's profiles, of time and of memory, come down to functions. */
import { describe, expect, test } from "@jest/globals";
import { selfTimes } from "../../../bench/profile/cpu-profile.ts";
import { type HeapProfile, madePerMessage } from "../../../bench/profile/heap-profile.ts";

const ROOT = "file:///p/";
const frame = (functionName: string, url = "", lineNumber = -1, columnNumber = -1) => ({
  functionName,
  url,
  lineNumber,
  columnNumber,
  scriptId: "0",
});

describe("selfTimes()", () => {
  const nodes = [
    { id: 1, callFrame: frame("(root)") },
    { id: 2, callFrame: frame("(program)") },
    { id: 3, callFrame: frame("(idle)") },
    { id: 4, callFrame: frame("push", "file:///p/dist/a.js", 6) },
    { id: 5, callFrame: frame("push", "file:///p/dist/a.js", 6) }, // called by another
    { id: 6, callFrame: frame("(garbage collector)") },
  ];
  const profile = (samples: number[]) => ({ nodes, samples, startTime: 0, endTime: 1 });
  const NATIVE = "(native: the socket library, libuv, the system)";

  test("adds up a function that was called by several, and counts lines from 1", () => {
    expect(selfTimes(profile([4, 5, 5, 6]), 0, ROOT)).toEqual([
      { name: "push dist/a.js:7", share: 0.75 },
      { name: "(garbage collector)", share: 0.25 },
    ]);
  });

  test("takes waiting from what is not JavaScript, and shares out the rest", () => {
    expect(selfTimes(profile([2, 2, 3, 3, 3, 3, 4, 4, 4, 4]), 0.5, ROOT)).toEqual([
      { name: "push dist/a.js:7", share: 0.8 },
      { name: NATIVE, share: 0.2 },
    ]);
  });

  test("has no native row when all of it was waiting", () => {
    expect(selfTimes(profile([3, 4]), 0.6, ROOT)).toEqual([{ name: "push dist/a.js:7", share: 1 }]); // two clocks, so it may be more
  });
});

describe("madePerMessage()", () => {
  const head = {
    id: 1,
    callFrame: frame("(root)"),
    children: [
      { id: 2, callFrame: frame("(V8 API)"), children: [] },
      {
        id: 3,
        callFrame: frame("message", "file:///p/dist/a.js", 80),
        children: [{ id: 4, callFrame: frame("push", "file:///p/dist/b.js", 8), children: [] }],
      },
    ],
  };
  const profile = (objects: readonly (readonly [nodeId: number, size: number, times: number])[]): HeapProfile => ({
    head,
    samples: objects.flatMap(([nodeId, size, times]) => Array.from({ length: times }, () => ({ nodeId, size }))),
  });

  test("is what more messages made more, by function and size, most bytes first", () => {
    const short = {
      messages: 10,
      profile: profile([
        [2, 88, 10],
        [3, 64, 23],
        [3, 152, 10],
        [4, 32, 7],
      ]),
    };
    const long = {
      messages: 30,
      profile: profile([
        [2, 88, 30],
        [3, 64, 63],
        [3, 152, 30],
        [4, 32, 7],
      ]),
    };
    expect(madePerMessage(short, long, ROOT)).toEqual([
      { name: "message dist/a.js:81", bytes: 152, objects: 1 },
      { name: "message dist/a.js:81", bytes: 64, objects: 2 },
      { name: "(native code)", bytes: 88, objects: 1 },
      { name: "push dist/b.js:9", bytes: 32, objects: 0 },
    ]);
  });

  test("counts what was made only with more messages", () => {
    const none = { messages: 0, profile: profile([]) };
    const some = { messages: 4, profile: profile([[3, 8, 2]]) };
    expect(madePerMessage(none, some, ROOT)).toEqual([{ name: "message dist/a.js:81", bytes: 8, objects: 0.5 }]);
  });
});

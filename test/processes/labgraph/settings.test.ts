/** readSettings: what may be set, and each refusal. */
import { describe, expect, test } from "@jest/globals";
import { readSettings } from "../../../processes/labgraph/settings.ts";

describe("readSettings()", () => {
  test("has defaults for all", () => {
    expect(readSettings({})).toEqual({ origins: "any", streams: null, apiVersion: "0.1", queueBytes: 1_048_576 });
  });

  test("takes what is right", () => {
    const given = { origins: ["https://a.example:8443"], streams: ["a.b"], apiVersion: "1", queueBytes: 65_536 };
    expect(readSettings(given)).toEqual({ ...given, streams: new Set(["a.b"]) });
    expect(readSettings({ queueBytes: 67_108_864, streams: [] })).toMatchObject({ streams: new Set() });
  });

  test.each([
    [
      { port: 9000 },
      'Cannot take setting "port" as labgraph knows origins, streams, apiVersion, queueBytes only: got 9000, leave it out',
    ],
    [
      { origins: "https://a.example" },
      'Cannot take setting "origins" as it must be "any" or a list of origins: got "https://a.example", for example ["https://app.example"]',
    ],
    [
      { origins: ["a.example"] },
      'Cannot take setting "origins" as each must be scheme://host[:port] and nothing else: got "a.example", for example https://app.example',
    ],
    [
      { streams: [7] },
      'Cannot take setting "streams" as it must be null or a list of names: got [7], for example ["device.stream1"]',
    ],
    [
      { apiVersion: 0.1 },
      'Cannot take setting "apiVersion" as it must be a text of at most 32 characters: got 0.1, leave it out for "0.1"',
    ],
    [
      { queueBytes: 65_535 },
      'Cannot take setting "queueBytes" as it must be 65536 to 67108864 bytes: got 65535, leave it out for 1 MiB',
    ],
    [
      { queueBytes: 67_108_865 },
      'Cannot take setting "queueBytes" as it must be 65536 to 67108864 bytes: got 67108865, leave it out for 1 MiB',
    ],
  ])("refuses %p", (given, message) => {
    expect(() => readSettings(given)).toThrow(message);
  });
});

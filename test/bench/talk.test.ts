/** What clients of each contender send and expect, to the byte. */
import { describe, expect, test } from "@jest/globals";
import { exchangeOf } from "../../bench/exchanges.ts";
import { toWire } from "../../bench/load/wire.ts";
import { colyseusTalk, packed, plainTalk, registeredTalk, socketIoTalk } from "../../bench/talk.ts";
import { unpackMessage } from "../../lib/protocol/index.ts";

const hi = { said: "hi", heard: "hi" };
const json = { said: { n: 1 }, heard: { n: 2 } };

describe("exchangeOf()", () => {
  test.each(["echo", "ask"] as const)("%s: a text of so many bytes, and the same again", (work) => {
    const { said, heard } = exchangeOf(work, 64);
    expect(Buffer.byteLength(String(said))).toBe(64);
    expect(heard).toBe(said);
  });

  test.each([46, 64, 1000])("json: %i bytes of JSON, and back with its number one higher", (bytes) => {
    const { said, heard } = exchangeOf("json", bytes);
    expect(JSON.stringify(said)).toHaveLength(bytes);
    expect(said).toMatchObject({ type: "said", n: 1 });
    expect(heard).toEqual({ ...(said as object), n: 2 });
  });

  test("json: refuses fewer bytes than its keys take", () => {
    expect(() => exchangeOf("json", 45)).toThrow(
      "Cannot set --bytes as a message in JSON must be at least 46 bytes: got 45, leave it out for 64",
    );
  });
});

describe("plainTalk()", () => {
  test("sends text as it is and values as JSON", () => {
    expect(plainTalk(hi)).toEqual({
      paths: ["/"],
      greeting: [],
      message: { text: "hi" },
      echo: { text: "hi" },
      asides: [],
    });
    expect(plainTalk(json)).toMatchObject({ message: { text: '{"n":1}' }, echo: { text: '{"n":2}' } });
  });
});

describe("registeredTalk()", () => {
  test("registers first", () => {
    const { greeting, message } = registeredTalk(hi, "t0", "a:b:c");
    expect(greeting).toEqual([
      {
        sends: { text: '{"auth_token":"t0","target_process":"a:b:c","encrypted":false}' },
        hears: { text: '{"channel_id":' },
      },
    ]);
    expect(message).toEqual({ text: "hi" });
  });
});

describe("socketIoTalk()", () => {
  test("hears open, connects, sends events, and answers the server's ping", () => {
    expect(socketIoTalk(hi)).toEqual({
      paths: ["/socket.io/?EIO=4&transport=websocket"],
      greeting: [{ hears: { text: "0{" } }, { sends: { text: "40" }, hears: { text: "40{" } }],
      message: { text: '42["m","hi"]' },
      echo: { text: '42["m","hi"]' },
      asides: [{ hears: { text: "2" }, sends: { text: "3" } }],
    });
    expect(socketIoTalk(json)).toMatchObject({
      message: { text: '42["m",{"n":1}]' },
      echo: { text: '42["m",{"n":2}]' },
    });
  });
});

describe("colyseusTalk()", () => {
  const hex = (frame: Parameters<typeof toWire>[0]): string => toWire(frame).payload.toString("hex");

  test("answers the join with its code, then sends ROOM_DATA in MessagePack", () => {
    const talk = colyseusTalk(hi, ["/p/r?sessionId=s"]);
    expect(talk.paths).toEqual(["/p/r?sessionId=s"]);
    expect(talk.greeting.map(({ sends, hears }) => [sends && hex(sends), hears && hex(hears)])).toEqual([
      [undefined, "0a"],
      ["0a", undefined],
    ]);
    expect(hex(talk.message)).toBe("0da16da26869");
  });

  test("writes objects as Colyseus does: with a 16-bit count", () => {
    expect(hex(colyseusTalk(json, []).echo)).toBe("0da16dde0001a16e02");
  });
});

describe("packed()", () => {
  test.each(["", "a".repeat(31), "a".repeat(32), "a".repeat(255), "a".repeat(256), 0, 127, { a: "b", c: { d: 1 } }])(
    "is MessagePack: %j",
    (value) => {
      expect(unpackMessage(packed(value))).toEqual(value);
    },
  );

  test.each([128, -1, 0.5, null, [1]])("refuses what it cannot write: %j", (value) => {
    expect(() => packed(value)).toThrow("Cannot pack a value");
  });
});

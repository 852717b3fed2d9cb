/** Errors that cross a border keep code and text; each text is asserted here or where it is thrown, once. */
import { describe, expect, test } from "@jest/globals";
import {
  Address,
  Blob,
  Envelope,
  isProgram,
  KernelError,
  SendError,
  type SendErrorKind,
  textOf,
} from "../../lib/protocol/index.ts";

const me = Address.parse("alice.os@a:b:c");
const other = Address.parse("alice.os@x:y:z");

describe("SendError", () => {
  test.each<[SendErrorKind, string]>([
    ["Timeout", "it did not answer in time: raise expectsResponse, or look whether it is stuck"],
    ["Offline", "no process has that address, or it exited: check the name with the kernel's Debug query"],
    ["Overloaded", "its mailbox is full: send less, or later"],
    ["Denied", "the sender holds no messaging capability for it: list it in request_capabilities, or make it public"],
  ])("of kind %s says what to do and brings everything back", (kind, why) => {
    const envelope = new Envelope("error", other, me, { n: 1 }, Blob.of("b"));
    envelope.error = kind;
    envelope.context = "mine";
    const error = new SendError(envelope);
    expect(error).toMatchObject({ name: "SendError", code: kind, kind, body: { n: 1 }, context: "mine" });
    expect([error.message, error.target.text, error.blob?.text()]).toEqual([
      `Cannot get an answer from "alice.os@x:y:z" as ${why}`,
      other.text,
      "b",
    ]);
    expect(error).toBeInstanceOf(KernelError);
  });
});

test("KernelError keeps its cause", () => {
  const cause = new Error("below");
  expect(new KernelError("some_code", "above", { cause })).toMatchObject({
    name: "KernelError",
    code: "some_code",
    cause,
  });
});

test("textOf() gives a text for whatever was thrown", () => {
  expect([textOf(new Error("e")), textOf("s"), textOf(undefined), textOf(7)]).toEqual(["e", "s", "undefined", "7"]);
});

test("isProgram() wants an object with start()", () => {
  expect([isProgram({ start: () => undefined }), isProgram({}), isProgram(null), isProgram(() => 1)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

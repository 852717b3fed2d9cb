import { describe, expect, test } from "@jest/globals";
import { AddressBook } from "../../lib/process/address-book.ts";
import { Address, ProcessId } from "../../lib/protocol/index.ts";

describe("AddressBook", () => {
  test("gives one name the same address each time, on the node it was made for", () => {
    const book = new AddressBook("alice.os");
    const address = book.find("p:q:r");
    expect(address.text).toBe("alice.os@p:q:r");
    expect(book.find("p:q:r")).toBe(address);
    const id = ProcessId.parse("a:b:c");
    expect(book.find(id)).toBe(book.find(id));
    expect(book.find("our@p:q:r").text).toBe("alice.os@p:q:r");
    const other = new Address("bob.os", id);
    expect(book.find(other)).toBe(other);
  });

  test("begins anew when it knows 256 names, and still finds each", () => {
    const book = new AddressBook("alice.os");
    const first = book.find("p0:q:r");
    for (let i = 1; i <= 256; i++) expect(book.find(`p${i}:q:r`).id.process).toBe(`p${i}`);
    expect(book.find("p0:q:r")).not.toBe(first);
    expect(book.find("p0:q:r").text).toBe(first.text);
  });

  test("says what is wrong with a name, each time", () => {
    const book = new AddressBook("alice.os");
    for (let i = 0; i < 2; i++)
      expect(() => book.find("p:q")).toThrow(/a part is missing|write process:package:publisher/);
  });
});

/** Names of processes: what reads, what does not and why, by contract kinode §1.2 and §1.3. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Address, IdError, isSafeNodeName, PackageId, ProcessId, toAddress } from "../../lib/protocol/index.ts";
import { thrownBy } from "../support/kernel.ts";

/** Texts that come close to an id, and any others. */
const anyText = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "B", "_", "-", ".", ":", "@", " ", "é", "0"), maxLength: 12 }),
  fc.string({ unit: "binary", maxLength: 40 }),
);
const part = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !/[:@]/.test(text));
const faultOf = async (work: () => unknown): Promise<unknown> => ((await thrownBy(work)) as IdError).fault;

describe("ProcessId.parse()", () => {
  test.each(["a:b:c", "a:b:c.os", "A:B:C", "a b:c:d", "a.x:b:c"])("reads %j and writes it back", (text) => {
    expect(ProcessId.parse(text).toString()).toBe(text);
  });

  test.each([
    ["", "MissingField"],
    ["a:b", "MissingField"],
    ["a::c", "MissingField"],
    ["a:b:", "MissingField"],
    ["a:b:c:d", "TooManyColons"],
  ])("refuses %j with %s", async (text, fault) => {
    expect(await faultOf(() => ProcessId.parse(text))).toBe(fault);
  });

  test("throws nothing but IdError, whatever the text", () => {
    fc.assert(
      fc.property(anyText, fc.boolean(), (text, strict) => {
        try {
          expect(ProcessId.parse(text, { strict }).text).toBe(text);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(IdError);
        }
      }),
    );
  });

  test("gives back the parts an id was made of", () => {
    fc.assert(
      fc.property(part, part, part, (process, packageName, publisher) => {
        const id = ProcessId.parse(new ProcessId(process, packageName, publisher).text);
        expect([id.process, id.package, id.publisher]).toEqual([process, packageName, publisher]);
      }),
    );
  });

  test.each(["a.x:b:c", "A:b:c", "a:b c:d", "a:b:c/d"])("refuses the letters of %j when strict", async (text) => {
    expect(await faultOf(() => ProcessId.parse(text, { strict: true }))).toBe("InvalidCharacter");
  });

  test.each(["a_b-1:c_d:e.f_g-2", "http-server:distro:sys"])("takes the letters of %j when strict", (text) => {
    expect(ProcessId.parse(text, { strict: true }).isSafe()).toBe(true);
  });

  test.each([
    ["", "a part is missing: write process:package:publisher"],
    ["a:b:c:d", "it has more than two colons: write process:package:publisher"],
  ])("says of %j what to write", async (text, rule) => {
    expect(await thrownBy(() => ProcessId.parse(text))).toMatchObject({
      name: "IdError",
      text,
      message: `Cannot read process id ${JSON.stringify(text)} as ${rule}`,
    });
  });

  test("says of other letters which are allowed", async () => {
    expect(await thrownBy(() => ProcessId.parse("A:b:c", { strict: true }))).toMatchObject({
      code: "InvalidCharacter",
      message:
        'Cannot read process id "A:b:c" as a part has other letters than a-z 0-9 - _ (a publisher may have dots)',
    });
  });

  test("shows at most 200 characters of what it cannot read", async () => {
    const { message } = (await thrownBy(() => ProcessId.parse("x".repeat(1000)))) as IdError;
    expect(message).toContain(`"${"x".repeat(200)}"`);
  });
});

describe("ProcessId", () => {
  test("equals another of the same text, and that text; case matters", () => {
    const id = ProcessId.parse("a:b:c");
    expect([id.equals(new ProcessId("a", "b", "c")), id.equals("a:b:c"), id.equals("A:b:c")]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("travels as its text", () => {
    expect(JSON.stringify({ id: ProcessId.parse("a:b:c"), at: Address.parse("n@a:b:c") })).toBe(
      '{"id":"a:b:c","at":"n@a:b:c"}',
    );
  });

  test("names its package", () => {
    expect(ProcessId.parse("a:b:c.os").packageId).toMatchObject({
      packageName: "b",
      publisher: "c.os",
      text: "b:c.os",
    });
  });
});

describe("Address.parse()", () => {
  test.each([
    ["a:b:c", "MissingNodeId"],
    ["@a:b:c", "MissingNodeId"],
    ["", "MissingNodeId"],
    ["n@m@a:b:c", "TooManyAts"],
    ["n@", "MissingField"],
    ["n@a:b", "MissingField"],
    ["n@a::c", "MissingField"],
    ["n@a:b:c:d", "TooManyColons"],
  ])("refuses %j with %s", async (text, fault) => {
    expect(await faultOf(() => Address.parse(text))).toBe(fault);
  });

  test.each([
    ["n@m@a:b:c", "it has more than one @: write node@process:package:publisher"],
    ["a:b:c", "the node is missing: write node@process:package:publisher"],
  ])("says of %j what to write", async (text, rule) => {
    expect(await thrownBy(() => Address.parse(text))).toMatchObject({
      message: `Cannot read address ${JSON.stringify(text)} as ${rule}`,
    });
  });

  test("throws nothing but IdError, and what it reads it writes back", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        try {
          expect(Address.parse(text).toString()).toBe(text);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(IdError);
        }
      }),
    );
  });

  test("gives back the node and the id an address was made of", () => {
    fc.assert(
      fc.property(part, part, part, part, (node, process, packageName, publisher) => {
        const address = new Address(node, new ProcessId(process, packageName, publisher));
        const read = Address.parse(address.text);
        expect([read.node, read.id.text, read.equals(address)]).toEqual([node, address.id.text, true]);
      }),
    );
  });
});

describe("PackageId.parse()", () => {
  test("reads package:publisher", () => {
    expect(PackageId.parse("chess:sys")).toMatchObject({ packageName: "chess", publisher: "sys" });
    expect(`${PackageId.parse("chess:sys")}`).toBe("chess:sys");
  });

  test.each([
    ["a", "MissingField", "a part is missing: write package:publisher"],
    ["a:", "MissingField", "a part is missing: write package:publisher"],
    ["a:b:c", "TooManyColons", "it has more than one colon: write package:publisher"],
  ])("refuses %j with %s and says why", async (text, fault, rule) => {
    expect(await thrownBy(() => PackageId.parse(text))).toMatchObject({
      fault,
      message: `Cannot read package id ${JSON.stringify(text)} as ${rule}`,
    });
  });
});

describe("toAddress()", () => {
  test("puts this node before a bare process id, and in place of the node our", () => {
    const id = ProcessId.parse("a:b:c");
    const given = ["a:b:c", id, "our@a:b:c", new Address("our", id), "alice.os@a:b:c"];
    expect(given.map((value) => toAddress(value, "alice.os").text)).toEqual(Array(5).fill("alice.os@a:b:c"));
  });

  test("takes those of another copy of this library, as a package's own node_modules may have", () => {
    const foreign = (text: string): Address => Object.assign(Object.create({ toString: () => text }), { text });
    expect(toAddress(foreign("our@a:b:c"), "alice.os").text).toBe("alice.os@a:b:c");
    expect(toAddress(foreign("a:b:c"), "alice.os")).toBeInstanceOf(Address);
  });

  test("leaves another node as it is", () => {
    const far = Address.parse("bob.os@a:b:c");
    expect(toAddress(far, "alice.os")).toBe(far);
    expect(toAddress("bob.os@a:b:c", "alice.os").node).toBe("bob.os");
  });
});

test("isSafeNodeName() takes a-z 0-9 . - _ and nothing else", () => {
  expect(["alice.os", "a_b-1", "localhost"].every(isSafeNodeName)).toBe(true);
  expect(["", "Alice.os", "a b", "a@b", "a:b", "é", "a\n"].some(isSafeNodeName)).toBe(false);
});

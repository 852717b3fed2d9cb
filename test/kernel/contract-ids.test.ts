/** Contract kinode §10, "Ids and parsing": each case of the sheet, by its number. */
import { expect, test } from "@jest/globals";
import { Address, capabilitiesEqual, capability, ProcessId } from "../../lib/protocol/index.ts";
import { thrownBy } from "../support/kernel.ts";

const P = "my-package:my-package:template.os";

test("case 1: a process id has three parts and goes back to its text", () => {
  const id = ProcessId.parse(P);
  expect([id.process, id.package, id.publisher, id.toString()]).toEqual(["my-package", "my-package", "template.os", P]);
});

test("case 3: a process id with three colons has TooManyColons", async () => {
  expect(await thrownBy(() => ProcessId.parse("a:b:c:d"))).toMatchObject({ name: "IdError", fault: "TooManyColons" });
});

test.each(["a::c", ""])("case 4: the process id %j has a MissingField", async (text) => {
  expect(await thrownBy(() => ProcessId.parse(text))).toMatchObject({ name: "IdError", fault: "MissingField" });
});

test("case 6: strict parsing refuses a dot in the process name and takes one in the publisher", async () => {
  expect(await thrownBy(() => ProcessId.parse("a.x:b:c", { strict: true }))).toMatchObject({ name: "IdError" });
  expect(ProcessId.parse("a:b:c.os", { strict: true }).publisher).toBe("c.os");
});

test("case 7: an address begins with its node", () => {
  expect(Address.parse("alice.os@a:b:c").node).toBe("alice.os");
});

test("case 9: an address with two @ has TooManyAts", async () => {
  expect(await thrownBy(() => Address.parse("n@m@a:b:c"))).toMatchObject({ name: "IdError", fault: "TooManyAts" });
});

test.each([
  ["n@a:b:c:d", "TooManyColons"],
  ["n@", "MissingField"],
])("case 10: the address %j has %s", async (text, fault) => {
  expect(await thrownBy(() => Address.parse(text))).toMatchObject({ name: "IdError", fault });
});

test("case 12: capabilities whose params differ in order and white space are equal", () => {
  const issuer = "alice.os@a:b:c";
  expect(capabilitiesEqual({ issuer, params: '{"a":1,"b":2}' }, { issuer, params: ' {"b":2,"a":1}' })).toBe(true);
});

test.each(["messaging", "network"])("case 13: capability params %s, without quotes, are invalid", async (params) => {
  const refused = { name: "CapabilityParamsError" };
  const issuer = "alice.os@a:b:c";
  expect(await thrownBy(() => capability(issuer, params))).toMatchObject(refused);
  expect(await thrownBy(() => capabilitiesEqual({ issuer, params }, { issuer, params }))).toMatchObject(refused);
});

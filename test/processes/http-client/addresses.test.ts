/** Which addresses count as elsewhere, and what a name leads to. */
import type { LookupAddress } from "node:dns";
import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { AddressError, assertHost, isElsewhere, lookupElsewhere } from "../../../processes/http-client/addresses.ts";

describe("isElsewhere", () => {
  test.each([
    ["0.0.0.0", "0.255.255.255"],
    ["10.0.0.0", "10.255.255.255"],
    ["100.64.0.0", "100.127.255.255"],
    ["127.0.0.0", "127.255.255.255"],
    ["169.254.0.0", "169.254.255.255"],
    ["172.16.0.0", "172.31.255.255"],
    ["192.0.0.0", "192.0.0.255"],
    ["192.0.2.0", "192.0.2.255"],
    ["192.168.0.0", "192.168.255.255"],
    ["198.18.0.0", "198.19.255.255"],
    ["224.0.0.0", "255.255.255.255"],
    ["::", "::1"],
    ["fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["fe80::1", "febf::1"],
    ["ff00::", "ff02::1"],
    ["2001:db8::", "2001:db8:ffff::"],
    ["2002:7f00:1::", "2002::"],
    ["2001::", "2001:0:7f00:1::"],
    ["::ffff:127.0.0.1", "::ffff:10.0.0.1"],
    ["::ffff:a00:1", "0:0:0:0:0:ffff:7f00:0001"],
    ["64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe"],
    ["::127.0.0.1", "64:ff9b:1::7f00:1"],
    ["fe80::1%lo", "2606:4700::1%eth0"],
    ["", "example.com"],
  ])("%s and %s are not", (one, other) => {
    expect([one, isElsewhere(one)]).toEqual([one, false]);
    expect([other, isElsewhere(other)]).toEqual([other, false]);
  });

  test.each([
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "172.32.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00::1",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
  ])("%s is", (address) => expect(isElsewhere(address)).toBe(true));

  test("no address of this machine is", () => {
    const own = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
    expect(own.length).toBeGreaterThan(0);
    expect(own.filter(isElsewhere)).toEqual([]);
  });

  test("an address of IPv4 counts the same in each of its spellings", () => {
    fc.assert(
      fc.property(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)), (bytes) => {
        const plain = bytes.join(".");
        const [a, b, c, d] = bytes;
        const spelled = [
          `::ffff:${plain}`,
          `::ffff:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`,
          `0:0:0:0:0:FFFF:${plain}`,
          `64:ff9b::${plain}`,
        ];
        for (const each of spelled) expect([each, isElsewhere(each)]).toEqual([each, isElsewhere(plain)]);
        const number = (((a << 24) >>> 0) + (b << 16) + (c << 8) + d).toString();
        for (const host of [number, plain]) {
          const { hostname } = new URL(`http://${host}/`);
          if (isElsewhere(plain)) assertHost(hostname);
          else expect(() => assertHost(hostname)).toThrow(AddressError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("lookupElsewhere", () => {
  const look = (name: string, all: boolean): Promise<unknown> =>
    new Promise((resolve) =>
      lookupElsewhere(name, { all }, (error: Error | null, found: string | LookupAddress[]) => resolve(error ?? found)),
    );

  test.each([true, false])("gives no address of this machine for its name (all: %s)", async (all) => {
    const found = await look("localhost", all);
    expect(found).toBeInstanceOf(AddressError);
    expect((found as AddressError).message).toBe(
      'localhost is this machine, or in a private network: that wants the capability {"local":true}',
    );
  });

  test("gives those that are elsewhere, in the form that was asked for", async () => {
    expect(await look("1.1.1.1", true)).toEqual([{ address: "1.1.1.1", family: 4 }]);
    expect(isIP((await look("1.1.1.1", false)) as string)).toBe(4);
  });
});

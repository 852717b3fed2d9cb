/** Which peers count as proxies, and which lists are refused. */
import { describe, expect, test } from "@jest/globals";
import { TrustedProxies } from "../../../http-server/trusted-proxies.ts";
import { OptionError } from "../../../lib/protocol/index.ts";

describe("TrustedProxies", () => {
  test.each<[list: string[], has: string[], hasNot: string[]]>([
    [[], [], ["127.0.0.1", "::1", ""]],
    [["10.0.0.1"], ["10.0.0.1"], ["10.0.0.2", "::1", "110.0.0.1", ""]],
    [["10.0.0.0/8"], ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]],
    [["10.1.2.3/8"], ["10.9.9.9"], ["11.1.2.3"]],
    [
      ["192.168.1.128/25", "172.16.0.0/12"],
      ["192.168.1.128", "172.31.0.1"],
      ["192.168.1.127", "172.32.0.0"],
    ],
    [
      ["10.0.0.1, 10.0.0.2", "fd00::/8"],
      ["10.0.0.1", "10.0.0.2", "fd12:3456::1"],
      ["10.0.0.3", "fe00::1"],
    ],
    [["loopback"], ["127.0.0.1", "127.255.0.3", "::1"], ["128.0.0.1", "::2", "localhost"]],
    [["2001:DB8:0:0::1"], ["2001:db8::1"], ["2001:db8::2"]],
    [["::ffff:10.0.0.0/104"], ["10.2.3.4"], ["11.0.0.1"]],
    [["::ffff:10.0.0.1"], ["10.0.0.1"], ["10.0.0.2"]],
  ])("%j", (list, has, hasNot) => {
    const trusted = new TrustedProxies(list);
    for (const address of has) expect([address, trusted.has(address)]).toEqual([address, true]);
    for (const address of hasNot) expect([address, trusted.has(address)]).toEqual([address, false]);
  });

  test.each([
    "",
    "proxy.example",
    "localhost",
    "10.0.0",
    "010.0.0.1",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "10.0.0.0/0x8",
    "fd00::/129",
    "::ffff:10.0.0.0/90",
    "fe80::1%eth0",
    "[::1]",
    "10.0.0.1:80",
    "10.0.0.1 10.0.0.2",
  ])("%j is refused", (entry) => {
    const rule = "it must be an address, a range like 10.0.0.0/8 or fd00::/8, or loopback";
    expect(() => new TrustedProxies(["10.0.0.1", entry])).toThrow(
      new OptionError(`Cannot trust the proxy ${JSON.stringify(entry)} as ${rule}`),
    );
  });

  test.each(["0.0.0.0/0", "::/0", "10.0.0.1/0", "::ffff:10.0.0.1/96"])("%s, which is anybody, is refused", (entry) => {
    expect(() => new TrustedProxies([entry])).toThrow(
      new OptionError(`Cannot trust the proxy "${entry}" as it would believe anybody: name the proxies alone`),
    );
  });
});

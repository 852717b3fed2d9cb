/** Which peers are proxies of the operator's own, whose word on the client is taken: addresses, ranges, or `loopback`. */
import { BlockList, isIP } from "node:net";
import { OptionError } from "../lib/protocol/index.ts";
import { plainAddress } from "./transport/remote-address.ts";

const LOOPBACK = ["127.0.0.0/8", "::1"];
const BITS = { 4: 32, 6: 128 } as const;
const MAPPED_BITS = 96; // of ::ffff:0:0/96: what stands behind it is an IPv4 address

export class TrustedProxies {
  #list: BlockList | null = null; // nearly every node has none: Node.js takes 0.3 ms to load what a list is made of

  /** @param entries each one entry, or several with commas between @throws {OptionError} one is none of the three */
  constructor(entries: readonly string[]) {
    const all = entries.flatMap((entry) => entry.split(",")).map((entry) => entry.trim());
    for (const entry of all) for (const range of entry === "loopback" ? LOOPBACK : [entry]) this.#add(range);
  }

  /** @param address as a transport gives it: IPv4 in its plain form */
  has(address: string): boolean {
    if (this.#list === null) return false; // no need to parse
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? "ipv4" : "ipv6");
  }

  #add(entry: string): void {
    const [address = "", bits, ...more] = entry.split("/");
    const plain = isIP(address) === 0 || address.includes("%") ? "" : plainAddress(address);
    const family = isIP(plain);
    if ((family !== 4 && family !== 6) || more.length > 0) throw refusal(entry, RULE);
    // A range that was written with mapped addresses counts its bits from the front of those.
    const given = bits === undefined ? BITS[family] : Number(bits) - (family === isIP(address) ? 0 : MAPPED_BITS);
    if ((bits !== undefined && !/^\d{1,3}$/.test(bits)) || given < 0 || given > BITS[family])
      throw refusal(entry, RULE);
    if (given === 0) throw refusal(entry, "it would believe anybody: name the proxies alone");
    this.#list ??= new BlockList();
    this.#list.addSubnet(plain, given, family === 4 ? "ipv4" : "ipv6");
  }
}

const RULE = "it must be an address, a range like 10.0.0.0/8 or fd00::/8, or loopback";

function refusal(entry: string, rule: string): OptionError {
  return new OptionError(`Cannot trust the proxy ${JSON.stringify(entry)} as ${rule}`);
}

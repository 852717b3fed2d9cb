/**
 * Which addresses are elsewhere: those that anybody on the internet may reach. This machine and private networks are not,
 * as their services, this node's own among them, take who reaches them for one of the house.
 *
 * 1. A name is looked up once, and what it leads to is checked and connected to: a name that leads elsewhere now and here
 *    in a moment (DNS rebinding) gains nothing.
 * 2. What is not known to be public is not: of IPv6 only 2000::/3 is, less what stands for other addresses. An address
 *    of IPv4 in one of IPv6 counts as what it is.
 */
import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { networkInterfaces } from "node:os";

/** RFC 6890 and its registries: https://www.iana.org/assignments/iana-ipv4-special-registry */
const SPECIAL_4 = [
  ["0.0.0.0", 8], // this network; Linux connects 0.0.0.0 to itself
  ["10.0.0.0", 8], // private
  ["100.64.0.0", 10], // a provider's own
  ["127.0.0.0", 8], // this machine
  ["169.254.0.0", 16], // link-local; cloud machines are told their secrets at 169.254.169.254
  ["172.16.0.0", 12], // private
  ["192.0.0.0", 24], // protocols
  ["192.0.2.0", 24], // documentation
  ["192.88.99.0", 24], // 6to4 relays
  ["192.168.0.0", 16], // private
  ["198.18.0.0", 15], // benchmarks
  ["198.51.100.0", 24], // documentation
  ["203.0.113.0", 24], // documentation
  ["224.0.0.0", 3], // multicast, reserved, broadcast
] as const;
const GLOBAL_6 = [["2000::", 3]] as const;
const SPECIAL_6 = [
  ["2001::", 23], // protocols, Teredo among them: an address of IPv4 in disguise
  ["2001:db8::", 32], // documentation
  ["2002::", 16], // 6to4: likewise in disguise
  ["3fff::", 20], // documentation
] as const;

const OWN_TIME = 1000; // ms: asking the system took 1 ms here, and addresses change seldom
let own: { readonly addresses: ReadonlySet<string>; readonly until: number } = { addresses: new Set(), until: 0 };

const special4 = listOf(SPECIAL_4, "ipv4");
const global6 = listOf(GLOBAL_6, "ipv6");
const special6 = listOf(SPECIAL_6, "ipv6");

/** A name or address that is not elsewhere. */
export class AddressError extends Error {
  override readonly name = "AddressError";
  readonly host: string;
  constructor(host: string) {
    super(`${host} is this machine, or in a private network: that wants the capability {"local":true}`);
    this.host = host;
  }
}

/** @param address without brackets */
export function isElsewhere(address: string): boolean {
  const plain = embedded(address);
  const family = isIP(plain);
  if (family === 0 || plain.includes("%")) return false;
  const isPublic =
    family === 4 ? !special4.check(plain, "ipv4") : global6.check(plain, "ipv6") && !special6.check(plain, "ipv6");
  return isPublic && !isOwn(plain);
}

/** For `net.connect`: rule 1. It is not called for addresses: see `assertHost`. */
export const lookupElsewhere: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, "", 0);
    const addresses = found.filter(({ address }) => isElsewhere(address));
    const [first] = addresses;
    if (first === undefined) return callback(new AddressError(hostname), "", 0);
    return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family);
  });
};

/** @param hostname of a URL, which spells every address in one way @throws {AddressError} it is an address that is not elsewhere */
export function assertHost(hostname: string): void {
  const address = hostname.replace(/^\[|\]$/g, "");
  if (isIP(address) !== 0 && !isElsewhere(address)) throw new AddressError(hostname);
}

/** The address of IPv4 that `address` stands for, mapped (::ffff:0:0/96) or translated (64:ff9b::/96); else itself. */
function embedded(address: string): string {
  if (isIP(address) !== 6 || address.includes("%")) return address;
  const spelled = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [, high, low] = /^(?:::ffff|64:ff9b:):([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(spelled) ?? [];
  if (high === undefined || low === undefined) return spelled;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join(".");
}

/** An address that this machine has, however public it is: what listens on it may take its own machine for a friend. */
function isOwn(address: string): boolean {
  const now = performance.now();
  if (now >= own.until) {
    const lists = Object.values(networkInterfaces());
    own = {
      addresses: new Set(lists.flatMap((list) => list?.map((each) => each.address) ?? [])),
      until: now + OWN_TIME,
    };
  }
  return own.addresses.has(address);
}

function listOf(rows: readonly (readonly [string, number])[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of rows) list.addSubnet(address, prefix, family);
  return list;
}

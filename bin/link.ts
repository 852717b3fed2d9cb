/**
 * `jackfield start --link`: what the options name is read and checked, then the node is linked. Loaded with --link only.
 *
 * 1. The seed is who the node is: a file that others may read is refused, as ssh does.
 * 2. Files are looked at before any server is: a client's words for a missing one name no file.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { LinkError, type Node } from "../kernel/index.ts";
import { textOf } from "../lib/protocol/index.ts";
import type { StartOptions } from "./options.ts";
import { version } from "./version.ts";

const OTHERS = 0o077; // what group and all may do
const SEED = /^SU[A-Z2-7]{56}$/; // an nkey seed of a user: 32 bytes, a prefix and a checksum, in base32

/**
 * @param onHeld it takes over from a node of its name, and waits for that one to stop; left out: it is refused then
 * @returns how it is linked, as a sentence @throws {LinkError} (rejects)
 */
export async function linkNode(node: Node, options: StartOptions, onHeld?: () => void): Promise<string> {
  const { "link-seed": seedFile, "link-ca": ca, "link-cert": cert, "link-key": key } = options;
  const where = options.link.join(", ");
  const seed = seedFile === null ? null : readSeed(where, "--link-seed", seedFile);
  if (ca !== null) readCertificate(where, "--link-ca", ca);
  if (cert !== null && key !== null) checkPair(where, cert, key);
  const overTls = isTls(options);
  const link = await node.linkByNats({
    servers: options.link,
    ...(seed === null ? {} : { seed }),
    ...(overTls ? { tls: given({ ca, cert, key }) } : {}),
    ...(onHeld === undefined ? {} : { onHeld }),
  });
  const how = overTls ? "over TLS" : "WITHOUT TLS: whoever is on the way reads all of it";
  const who = seed === null ? "without a key: anybody may say to be any node" : "with its key";
  return `${link.where} ${how}, ${who}`;
}

/**
 * Has it found by other nodes, and find them.
 * @param port of its http-server @returns the directory, or why there is none, as a sentence @throws {LinkError} (rejects) the seed
 */
export async function joinDirectory(node: Node, options: StartOptions, port: number): Promise<string> {
  const { "link-seed": busSeed, "link-store-seed": file, "link-ca": ca, "link-cert": cert, "link-key": key } = options;
  if (busSeed !== null && file === null) {
    node.joinsNobody();
    const names = namesOf(node, "is this node's own, as others have theirs");
    return `off: it needs --link-store-seed, the node's seed for the account STORE${names}`;
  }
  const where = options.link.join(", ");
  const seed = file === null ? null : readSeed(where, "--link-store-seed", file);
  const about = { address: addressOf(options, port), version: version() };
  const why = await node.joinByNats(
    {
      servers: options.link,
      ...(seed === null ? {} : { seed }),
      ...(isTls(options) ? { tls: given({ ca, cert, key }) } : {}),
    },
    () => about,
  );
  return why === undefined
    ? "jackfield nodes lists who is there"
    : `not yet: ${why}${namesOf(node, "is Offline until there is one")}`;
}

/** What runs once in the cluster, or once per key, wants to know of others. */
function namesOf({ kernel: { cluster } }: Node, what: string): string {
  const names = cluster?.programNames ?? [];
  return names.length === 0 ? "" : `; each process of the cluster ${what}: ${names.join(", ")}`;
}

/** Where others reach its http-server; null: this machine alone does. */
function addressOf({ host, "tls-cert": cert }: StartOptions, port: number): string | null {
  if (/^(?:localhost|127\..*|::1)$/.test(host)) return null;
  const name = host === "0.0.0.0" || host === "::" ? hostname() : host;
  return `${cert === null ? "http" : "https"}://${name.includes(":") ? `[${name}]` : name}:${port}/`;
}

function isTls({ link, "link-ca": ca, "link-cert": cert }: StartOptions): boolean {
  return ca !== null || cert !== null || link.some((url) => url.startsWith("tls:"));
}

function readSeed(where: string, option: string, file: string): string {
  const text = read(where, option, file).trim();
  const mode = statSync(file).mode & 0o777;
  if ((mode & OTHERS) !== 0 && process.platform !== "win32") {
    const shown = mode.toString(8).padStart(3, "0");
    throw new LinkError(where, `others may use the seed in "${file}": its mode is ${shown}, chmod 600 it`);
  }
  if (!SEED.test(text))
    throw new LinkError(
      where,
      `"${file}" must hold a user's nkey seed, SU and 56 letters: jackfield cluster init has it`,
    );
  return text;
}

function readCertificate(where: string, option: string, file: string): X509Certificate {
  const text = read(where, option, file);
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new LinkError(where, `${option} "${file}" must hold a certificate, PEM: ${textOf(cause)}`, { cause });
  }
}

function checkPair(where: string, certFile: string, keyFile: string): void {
  const cert = readCertificate(where, "--link-cert", certFile);
  const text = read(where, "--link-key", keyFile);
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (cause) {
    const rule = `--link-key "${keyFile}" must hold a private key, PEM without a passphrase: ${textOf(cause)}`;
    throw new LinkError(where, rule, { cause });
  }
  if (!cert.checkPrivateKey(key))
    throw new LinkError(
      where,
      `"${keyFile}" is not the key of the certificate "${certFile}": give the two of one pair`,
    );
}

function read(where: string, option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new LinkError(where, `${option} "${file}" is missing or not readable: ${textOf(cause)}`, { cause });
  }
}

function given(
  files: Readonly<Record<"ca" | "cert" | "key", string | null>>,
): NonNullable<Parameters<Node["linkByNats"]>[0]["tls"]> {
  return Object.fromEntries(Object.entries(files).filter(([, file]) => file !== null));
}

/**
 * Reads what TLS is served with: a certificate with its chain, and its key, as PEM files.
 *
 * 1. Everything is checked before a library sees it: uWebSockets.js says no more than "App construction failed".
 * 2. TLS 1.2 is the oldest that is spoken, on both transports.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { textOf } from "../../lib/protocol/index.ts";
import { TlsError } from "./errors.ts";

export const OLDEST_TLS = "TLSv1.2"; // RFC 8996 ended 1.0 and 1.1; uWebSockets.js has it built in

/** Paths of PEM files. */
export type TlsFiles = { readonly cert: string; readonly key: string };

/** What was in them, checked. */
export type Tls = {
  readonly files: TlsFiles;
  /** PEM, with the chain. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** As openssl prints it, of the node's own certificate. */
  readonly serial: string;
  /** When the node's own certificate ends. */
  readonly until: Date;
};

/** Reads both files: they are small, and it is rare. @throws {TlsError} says which file, and what is wrong with it */
export function readTls(files: TlsFiles): Tls {
  const cert = readPem(files.cert, "a certificate");
  const key = readPem(files.key, "a private key");
  const own = parse(files.cert, "a PEM certificate", () => new X509Certificate(cert)); // the first of the file
  const secret = parse(files.key, "a PEM private key without a passphrase", () => createPrivateKey(key));
  if (!own.checkPrivateKey(secret)) {
    throw new TlsError(
      files.key,
      `it must be the key of the certificate in "${files.cert}": it is another's, give both files of one pair`,
    );
  }
  parse(files.cert, "a certificate that may be served", () =>
    createSecureContext({ cert, key, minVersion: OLDEST_TLS }),
  );
  return { files, cert, key, serial: own.serialNumber, until: new Date(own.validTo) };
}

/** Whether both are the same pair, so that there is nothing to reload. */
export function isSameTls(one: Tls, other: Tls): boolean {
  return one.cert === other.cert && one.key === other.key;
}

function readPem(file: string, what: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new TlsError(file, `it must be a file with ${what} that this node may read: ${textOf(cause)}`, { cause });
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new TlsError(file, `it must be PEM, text with "-----BEGIN …-----": got none, convert it with openssl`);
}

function parse<Value>(file: string, rule: string, work: () => Value): Value {
  try {
    return work();
  } catch (cause) {
    throw new TlsError(file, `it must be ${rule}: ${textOf(cause)}`, { cause });
  }
}

/**
 * A cluster's own CA and the certificates that it signs, by the openssl command: Node reads X.509 and cannot make it.
 *
 * Private keys are made here and written for their owner alone, so that openssl only ever reads them.
 */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { KernelError, textOf } from "../lib/protocol/index.ts";

const DAYS = 3650; // ten years: the CA vouches for these machines only, and a cluster whose certificates end stands still
const SERIAL_BYTES = 16; // RFC 5280 §4.1.2.2 allows 20; nobody should guess or repeat one

export type Pair = { readonly cert: string; readonly key: string };

/** Writes a new CA to `pair`. @throws {KernelError} there is no openssl */
export function makeCa(pair: Pair): void {
  writeKey(pair.key);
  const extensions = ["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign,cRLSign"];
  const added = extensions.flatMap((extension) => ["-addext", extension]);
  const subject = ["-subj", "/CN=Jackfield cluster CA", "-set_serial", serial()];
  openssl(["req", "-x509", "-new", "-key", pair.key, "-out", pair.cert, "-days", String(DAYS), ...subject, ...added]);
}

/** Writes a pair for `name`, signed by `ca`. @param hosts where it is reached: a server's @throws {KernelError} */
export function makePair(ca: Pair, pair: Pair, name: string, hosts: readonly string[]): void {
  writeKey(pair.key);
  const folder = mkdtempSync(`${pair.key}-`);
  try {
    const request = join(folder, "request");
    const extensions = join(folder, "extensions");
    const names = hosts.map((host) => `${isIP(host) === 0 ? "DNS" : "IP"}:${host}`);
    const usage = names.length === 0 ? "clientAuth" : "serverAuth,clientAuth"; // servers dial each other
    const lines = [
      "basicConstraints=critical,CA:FALSE",
      "keyUsage=critical,digitalSignature",
      `extendedKeyUsage=${usage}`,
    ];
    writeFileSync(
      extensions,
      [...lines, ...(names.length === 0 ? [] : [`subjectAltName=${names.join(",")}`]), ""].join("\n"),
    );
    openssl(["req", "-new", "-key", pair.key, "-out", request, "-subj", `/CN=${name}`]);
    const signer = ["-CA", ca.cert, "-CAkey", ca.key, "-set_serial", serial(), "-days", String(DAYS)];
    openssl(["x509", "-req", "-in", request, "-out", pair.cert, ...signer, "-extfile", extensions]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeKey(file: string): void {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
}

function serial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  return `0x7f${bytes.toString("hex")}`; // positive, and never short
}

function openssl(args: readonly string[]): void {
  try {
    execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    const rule = isMissing
      ? "there is no openssl command on this machine: install it (apt-get install openssl), nothing else can make them"
      : `openssl refuses: ${textOf(cause)}`;
    throw new KernelError("no_certificates", `Cannot make a cluster's certificates as ${rule}`, { cause });
  }
}

/**
 * TLS for tests: two pairs of files, a folder in which they can be changed, and a RawSocket over TLS.
 *
 *   const client = await connectTls(port);
 *   expect(serialOf(client)).toBe(SERIALS.one);
 */
import { X509Certificate } from "node:crypto";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import type { TlsFiles } from "../../http-server/index.ts";
import { type Answer, askOn, type Question } from "./http-client.ts";
import { RawSocket } from "./sockets.ts";

export type PairName = "one" | "two";

const FOLDER = fileURLToPath(new URL("tls", import.meta.url));

/** The files of a pair: not to be changed. */
export function pair(name: PairName): TlsFiles {
  return { cert: join(FOLDER, `${name}.crt`), key: join(FOLDER, `${name}.key`) };
}

/** Writes the pair `name` to `folder`, over the one that is there. */
export function putPair(folder: string, name: PairName): TlsFiles {
  const files = { cert: join(folder, "node.crt"), key: join(folder, "node.key") };
  copyFileSync(pair(name).cert, files.cert);
  copyFileSync(pair(name).key, files.key);
  return files;
}

export const SERIALS: Readonly<Record<PairName, string>> = { one: serial("one"), two: serial("two") };

function serial(name: PairName): string {
  return new X509Certificate(readFileSync(pair(name).cert)).serialNumber;
}

/** The handshake is through; whose certificate it is, is for the test to ask. */
export function connectTls(port: number, options: tls.ConnectionOptions = {}): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const host = "127.0.0.1";
    const socket = tls.connect({ port, host, servername: "localhost", rejectUnauthorized: false, ...options });
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      socket.off("error", reject);
      resolve(new RawSocket(socket));
    });
  });
}

/** Of the certificate that `client` was shown. */
export function serialOf({ net }: RawSocket): string {
  return net instanceof tls.TLSSocket ? net.getPeerCertificate().serialNumber : "none";
}

/** One https request. */
export async function askTls(port: number, question: Question = {}): Promise<Answer> {
  return await askOn(await connectTls(port), port, question);
}

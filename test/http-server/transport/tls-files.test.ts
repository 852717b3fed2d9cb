/** readTls(): a pair is taken, and whatever is wrong with it is said before a library has seen it. */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { isSameTls, readTls, type TlsFiles } from "../../../http-server/transport/index.ts";
import { endJackfields, temporaryFolder } from "../../support/jackfield.ts";
import { pair, putPair, SERIALS } from "../../support/tls.ts";

afterEach(endJackfields);

const { cert: CERT, key: KEY } = pair("one");

function file(text: string | Uint8Array): string {
  const path = join(temporaryFolder(), "file.pem");
  writeFileSync(path, text);
  return path;
}

function refusal(files: TlsFiles): string {
  try {
    readTls(files);
  } catch (thrown) {
    expect(thrown).toMatchObject({ name: "TlsError", code: "tls_unusable" });
    return (thrown as Error).message;
  }
  throw new Error("taken");
}

test("takes a pair, and knows its serial and its end", () => {
  const tls = readTls(pair("one"));
  expect(tls).toMatchObject({ files: pair("one"), serial: SERIALS.one, cert: readFileSync(CERT, "utf8") });
  expect(tls.until.getFullYear()).toBeGreaterThan(2100);
});

test("a chain behind the certificate is no other certificate", () => {
  const chain = file(readFileSync(CERT, "utf8") + readFileSync(pair("two").cert, "utf8"));
  expect(readTls({ cert: chain, key: KEY }).serial).toBe(SERIALS.one);
});

test("tells whether the files hold what they held", () => {
  const folder = temporaryFolder();
  const before = readTls(putPair(folder, "one"));
  expect(isSameTls(before, readTls(before.files))).toBe(true);
  expect(isSameTls(before, readTls(putPair(folder, "two")))).toBe(false);
});

describe("refuses", () => {
  test("a certificate that is missing", () => {
    expect(refusal({ cert: "/none.crt", key: KEY })).toMatch(
      /^Cannot serve TLS with "\/none.crt" as it must be a file with a certificate that this node may read: .*ENOENT/,
    );
  });

  test("a key that is missing", () => {
    expect(refusal({ cert: CERT, key: "/none.key" })).toMatch(
      /^Cannot serve TLS with "\/none.key" as it must be a file with a private key that this node may read: .*ENOENT/,
    );
  });

  test("a folder", () => {
    const folder = temporaryFolder();
    expect(refusal({ cert: folder, key: KEY })).toMatch(`Cannot serve TLS with "${folder}" as it must be a file `);
  });

  test.each([
    ["certificate", (path: string): TlsFiles => ({ cert: path, key: KEY })],
    ["key", (path: string): TlsFiles => ({ cert: CERT, key: path })],
  ])("a %s that is no PEM", (_, files) => {
    const path = file(Buffer.from([0x30, 0x82, 1, 2]));
    expect(refusal(files(path))).toBe(
      `Cannot serve TLS with "${path}" as it must be PEM, text with "-----BEGIN …-----": got none, convert it with openssl`,
    );
  });

  test("a key in place of a certificate, and the other way round", () => {
    expect(refusal({ cert: KEY, key: KEY })).toMatch(
      `Cannot serve TLS with "${KEY}" as it must be a PEM certificate: `,
    );
    expect(refusal({ cert: CERT, key: CERT })).toMatch(
      `Cannot serve TLS with "${CERT}" as it must be a PEM private key without a passphrase: `,
    );
  });

  test("a certificate that is cut off", () => {
    const path = file(readFileSync(CERT, "utf8").slice(0, 200));
    expect(refusal({ cert: path, key: KEY })).toMatch(
      `Cannot serve TLS with "${path}" as it must be a PEM certificate: `,
    );
  });

  test("a key of another certificate", () => {
    const { key } = pair("two");
    expect(refusal({ cert: CERT, key })).toBe(
      `Cannot serve TLS with "${key}" as it must be the key of the certificate in "${CERT}": it is another's, give both files of one pair`,
    );
  });

  test("a key with a passphrase", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key = file(
      privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString(),
    );
    expect(refusal({ cert: CERT, key })).toMatch(
      `Cannot serve TLS with "${key}" as it must be a PEM private key without a passphrase: `,
    );
  });
});

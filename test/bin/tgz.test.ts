/** Packages packed into one file: those that tools make, and those that are made to do harm. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import * as fc from "fast-check";
import { PACKAGE_LIMITS, readTgz, TgzError } from "../../bin/tgz.ts";
import { endJackfields, temporaryFolder } from "../support/jackfield.ts";

type Entry = { readonly name: string; readonly text?: string; readonly type?: string; readonly size?: string };

const BLOCK = 512;

/** A tar archive of these entries, as POSIX writes it. */
function tar(...entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ name, text = "", type = "0", size }) => {
    const body = Buffer.from(text);
    const head = Buffer.alloc(BLOCK);
    head.write(name, 0, 100, "utf8");
    head.write("0000644\0", 100);
    head.write(size ?? `${body.length.toString(8).padStart(11, "0")}\0`, 124);
    head.write(" ".repeat(8), 148);
    head.write(type, 156);
    head.write("ustar\x0000", 257, "latin1");
    const sum = head.reduce((all, byte) => all + byte, 0);
    head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [head, body, Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

const tgz = (...entries: readonly Entry[]): Buffer => gzipSync(tar(...entries));
const MANIFEST = { name: "package/manifest.json", text: "{}" };

function textsOf(packed: Uint8Array): Record<string, string> {
  return Object.fromEntries(readTgz(packed, "a.tgz").map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]));
}

afterEach(endJackfields);

describe("what tools pack is read", () => {
  const LONG = `${"deep/".repeat(20)}${"long-".repeat(16)}name.txt`; // over 100 characters: tar has three ways to write that

  function folder(): string {
    const made = join(temporaryFolder(), "package");
    mkdirSync(join(made, "deep/".repeat(20)), { recursive: true });
    writeFileSync(join(made, "package.json"), '{"name":"a","version":"1.0.0"}');
    writeFileSync(join(made, "manifest.json"), "{}");
    writeFileSync(join(made, LONG), "far down");
    writeFileSync(join(made, "päckchen.txt"), "ü");
    return made;
  }

  test("npm pack", () => {
    const from = folder();
    execFileSync("npm", ["pack", "--silent", "--pack-destination", from], { cwd: from, stdio: "ignore" });
    expect(textsOf(readFileSync(join(from, "a-1.0.0.tgz")))).toEqual({
      "package.json": '{"name":"a","version":"1.0.0"}',
      "manifest.json": "{}",
      [LONG]: "far down",
      "päckchen.txt": "ü",
    });
  });

  test.each(["gnu", "ustar", "posix"])("tar --format=%s, with and without a folder around it", (format) => {
    const from = folder();
    const pack = (...args: readonly string[]): Record<string, string> =>
      textsOf(execFileSync("tar", ["-cz", `--format=${format}`, ...args], { maxBuffer: 2 ** 24 }));
    const files = { [LONG]: "far down", "päckchen.txt": "ü", "manifest.json": "{}" };
    expect(pack("-C", join(from, ".."), "package")).toMatchObject(files);
    expect(pack("-C", from, ".")).toMatchObject(files);
  });
});

describe("nothing leads out of a package", () => {
  test.each([
    ["package/../../x", "leads out of the package"],
    ["../x", "leads out of the package"],
    ["/etc/passwd", "leads out of the package on some system"],
    ["package/..\\x", "leads out of the package on some system"],
    ["C:/x", "leads out of the package on some system"],
    ["package/a:stream", "leads out of the package on some system"],
    ["package//x", "is read differently by some system"],
    ["package/./x", "is read differently by some system"],
    ["package/x.", "is read differently by some system"],
    ["package/a\nb", "has letters that no name should have"],
    ["package/../..", "leads out of the package"],
  ])("a file called %j", (name, rule) => {
    const said = name.replace("\n", "?");
    const words = `Cannot unpack "a.tgz" as "${said}" ${rule}`;
    expect(() => readTgz(tgz(MANIFEST, { name }), "a.tgz")).toThrow(new TgzError("bad_archive", words));
    const pax = (key: string): string => {
      const record = ` ${key}=${name}\n`;
      const length = record.length + String(record.length + 2).length;
      return `${length}${record}`;
    };
    const byPax = tgz(MANIFEST, { name: "x", type: "x", text: pax("path") }, { name: "package/fine" });
    expect(() => readTgz(byPax, "a.tgz")).toThrow(words);
    const byGnu = tgz(MANIFEST, { name: "x", type: "L", text: `${name}\0` }, { name: "package/fine" });
    expect(() => readTgz(byGnu, "a.tgz")).toThrow(words);
  });

  test.each([
    ["1", "a hard link"],
    ["2", "a symbolic link"],
    ["3", "a device"],
    ["4", "a device"],
    ["6", "a pipe"],
    ["K", "of an unknown kind"],
    ["S", "of an unknown kind"],
  ])("an entry of type %j", (type, kind) => {
    expect(() => readTgz(tgz(MANIFEST, { name: "package/x", type }), "a.tgz")).toThrow(
      `Cannot unpack "a.tgz" as "package/x" is ${kind}: a package has files and folders only`,
    );
  });

  test("a link that tar packs", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "manifest.json"), "{}");
    symlinkSync("/etc", join(folder, "etc"));
    expect(() => readTgz(execFileSync("tar", ["-cz", "-C", folder, "."]), "a.tgz")).toThrow(
      '"./etc" is a symbolic link',
    );
  });
});

describe("what is too much, or no archive", () => {
  test.each<[string, () => Uint8Array, string | RegExp]>([
    ["no gzip", () => Buffer.from("hello"), /it is no whole \.tgz: (Error: )?incorrect header check$/],
    ["cut gzip", () => tgz(MANIFEST).subarray(0, 40), /it is no whole \.tgz: (Error: )?unexpected end of file$/],
    ["no tar", () => gzipSync(Buffer.alloc(BLOCK, 1)), "it is no tar inside, or damaged"],
    [
      "a cut file",
      () => gzipSync(tar({ name: "a", text: "x".repeat(600) }).subarray(0, 700)),
      "it ends in the middle of a file",
    ],
    [
      "a size in GNU's other way",
      () => tgz({ name: "a", size: "\x80\0\0\0\0\0\0\0\0\0\0\x01" }),
      "it ends in the middle of a file",
    ],
    ["twice the same", () => tgz(MANIFEST, MANIFEST), 'it has "package/manifest.json" twice'],
    [
      "twice but for case",
      () => tgz(MANIFEST, { name: "package/Manifest.json" }),
      'it has "package/Manifest.json" twice',
    ],
    ["no name", () => tgz({ name: "" }), "it has a file without a name"],
    [
      "a header that lies",
      () => tgz({ name: "x", type: "x", text: "99 path=y\n" }, MANIFEST),
      "it has a header that cannot be read",
    ],
    [
      "too many files",
      () => tgz(...Array.from({ length: PACKAGE_LIMITS.files + 1 }, (_, n) => ({ name: `${n}` }))),
      "it has more than 5000 files",
    ],
    [
      "too many folders",
      () => tgz(...Array.from({ length: 2 * PACKAGE_LIMITS.files + 1 }, () => ({ name: "a", type: "5" }))),
      "it has more than 10000 entries",
    ],
    [
      "a long name",
      () => tgz({ name: "x", type: "L", text: "n".repeat(256) }, { name: "y" }),
      /is longer than 255 characters$/,
    ],
    ["too many bytes", () => gzipSync(Buffer.alloc(PACKAGE_LIMITS.bytes + 1)), "it unpacks to more than 256 MiB"],
  ])("%s", (_, packed, words) => {
    expect(() => readTgz(packed(), "a.tgz")).toThrow(
      typeof words === "string" ? `Cannot unpack "a.tgz" as ${words}` : words,
    );
  });

  test("as many files as there may be, and a name as long as it may be", () => {
    expect(
      readTgz(tgz(...Array.from({ length: PACKAGE_LIMITS.files }, (_, n) => ({ name: `${n}` }))), "a"),
    ).toHaveLength(5000);
    const name = "n".repeat(255);
    expect(Object.keys(textsOf(tgz({ name: "x", type: "L", text: name }, { name: "y" })))).toEqual([name]);
  });

  test("whatever bytes come: files with names inside, or a TgzError", () => {
    const seed = tar(MANIFEST, { name: "package/dist/", type: "5" }, { name: "package/dist/app.js", text: "x" });
    const change = fc.array(fc.tuple(fc.nat(seed.length - 1), fc.nat(255)), { maxLength: 12 });
    fc.assert(
      fc.property(change, (changes) => {
        const bytes = Buffer.from(seed);
        for (const [at, byte] of changes) bytes[at] = byte;
        for (let head = 0; head < bytes.length; head += BLOCK) {
          if (bytes.subarray(head, head + BLOCK).every((byte) => byte === 0)) continue;
          const sum = bytes
            .subarray(head, head + BLOCK)
            .reduce((all, byte, index) => all + (index >= 148 && index < 156 ? 32 : byte), 0);
          bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, head + 148); // or nothing but the checksum would be tried
        }
        try {
          for (const { path } of readTgz(gzipSync(bytes), "a"))
            expect(join("/in/here", path)).toMatch(/^\/in\/here\/./);
        } catch (error) {
          expect(error).toBeInstanceOf(TgzError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

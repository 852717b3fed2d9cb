/** A file that is held open in place: positions, order, and what is counted. */
import { linkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Host } from "../../../lib/protocol/index.ts";
import { ioError, OTHER, OWNER, said, startVfs, tell, type VfsNode } from "../../support/vfs.ts";

const FILE = "/b:c/d/file";

let vfs: VfsNode;
let host: Host;

beforeEach(async () => {
  vfs = startVfs({ limits: { driveBytes: 100 } });
  host = vfs.host(OWNER);
  await tell(host, "/b:c/d", "CreateDrive");
  await tell(host, FILE, "Write", "0123456789");
});

afterEach(() => vfs.stop());

async function held(): Promise<number> {
  const body = (await tell(host, FILE, "OpenUpdate")) as { readonly Stream: { readonly stream_id: number } };
  return body.Stream.stream_id;
}

const writeAt = (id: number, pieces: readonly (readonly [position: number, length: number])[]): object => ({
  StreamWriteAt: { stream_id: id, pieces: pieces.map(([position, length]) => ({ position, length })) },
});

const bytesCounted = async (): Promise<unknown> =>
  ((await tell(host, "/b:c/d", "Usage")) as { readonly Usage: { readonly bytes: number } }).Usage.bytes;

describe("OpenUpdate", () => {
  test("tells the length; pieces are written where they say, the later over the earlier", async () => {
    expect(await tell(host, FILE, "OpenUpdate")).toEqual({ Stream: { stream_id: 1, len: 10 } });
    expect(
      await tell(
        host,
        FILE,
        writeAt(1, [
          [8, 2],
          [0, 3],
          [1, 1],
        ]),
        "yzabcB",
      ),
    ).toBe("Ok");
    expect((await said(host, FILE, { StreamReadAt: { stream_id: 1, position: 0, length: 4 } })).text).toBe("aBc3");
    expect((await said(host, FILE, "Read")).text).toBe("aBc34567yz");
    expect(await tell(host, FILE, { StreamSync: { stream_id: 1 } })).toBe("Ok");
    expect(await tell(host, FILE, { StreamClose: { stream_id: 1 } })).toBe("Ok");
    expect(await tell(host, FILE, writeAt(1, [[0, 1]]), "a")).toEqual({ Err: { NoStream: { stream_id: 1 } } });
  });

  test("what grows is counted, up to the drive's limit and not one byte beyond", async () => {
    const id = await held();
    expect(await tell(host, FILE, writeAt(id, [[99, 1]]), "x")).toBe("Ok");
    expect(await bytesCounted()).toBe(100);
    expect(
      await tell(
        host,
        FILE,
        writeAt(id, [
          [0, 1],
          [100, 1],
        ]),
        "xy",
      ),
    ).toEqual({
      Err: { LimitReached: { limit: "driveBytes", max: 100 } },
    });
    expect(await bytesCounted()).toBe(100);
    expect((await said(host, FILE, { ReadAt: { position: 0, length: 2 } })).text).toBe("01");
  });

  test("a file that was cut short is counted as it grows again", async () => {
    const id = await held();
    await tell(host, FILE, { SetLen: 4 });
    expect(await tell(host, FILE, writeAt(id, [[4, 2]]), "ef")).toBe("Ok");
    expect(await bytesCounted()).toBe(6);
    truncateSync(join(vfs.folder, "b@c/d/file"), 0); // by somebody with a shell
    expect(await tell(host, FILE, writeAt(id, [[0, 1]]), "e")).toBe("Ok");
  });

  test.each([
    ["removed", "RemoveFile", null],
    ["replaced", "Replace", "new"],
  ])("nothing is written to a file that was %s", async (_how, action, blob) => {
    const id = await held();
    expect(await tell(host, FILE, action, blob)).toBe("Ok");
    const before = await bytesCounted();
    expect(await tell(host, FILE, writeAt(id, [[0, 1]]), "x")).toEqual(ioError("ESTALE"));
    expect(await tell(host, FILE, writeAt(id, [[50, 1]]), "x")).toEqual(ioError("ESTALE"));
    expect(await bytesCounted()).toBe(before);
  });

  test("nothing is written to a file that got a second name", async () => {
    const id = await held();
    linkSync(join(vfs.folder, "b@c/d/file"), join(vfs.folder, "outside"));
    expect(await tell(host, FILE, writeAt(id, [[0, 1]]), "x")).toEqual(ioError("ESTALE"));
  });

  test("it is refused where there is no file, and to whoever may only read", async () => {
    expect(await tell(host, "/b:c/d/none", "OpenUpdate")).toEqual(ioError("ENOENT"));
    const other = vfs.host(OTHER);
    expect(await tell(other, FILE, "OpenUpdate")).toEqual({ Err: "NoWriteCap" });
    const id = await held();
    expect(await tell(other, FILE, writeAt(id, [[0, 1]]), "x")).toEqual({ Err: "NoWriteCap" });
    const second = vfs.host("second:b:c");
    expect(await tell(second, FILE, writeAt(id, [[0, 1]]), "x")).toEqual({ Err: { NoStream: { stream_id: id } } });
  });

  test("a reader's stream is no stream to write, nor the other way round", async () => {
    await tell(host, FILE, "OpenRead");
    const id = await held();
    expect(await tell(host, FILE, writeAt(1, [[0, 1]]), "x")).toEqual({ Err: { NoStream: { stream_id: 1 } } });
    expect(await tell(host, FILE, { StreamRead: { stream_id: id } })).toEqual({ Err: { NoStream: { stream_id: id } } });
  });

  test.each([
    ["bytes that are more than the pieces", [[0, 1]], "xy"],
    ["bytes that are fewer", [[0, 3]], "xy"],
    ["a position below 0", [[-1, 2]], "xy"],
    ["an end beyond what can be counted", [[Number.MAX_SAFE_INTEGER, 2]], "xy"],
    ["more pieces than there may be", Array.from({ length: 1025 }, () => [0, 0]), ""],
  ] as const)("%s are malformed, and nothing is written", async (_what, pieces, blob) => {
    const id = await held();
    const asked = writeAt(id, pieces as unknown as readonly (readonly [number, number])[]);
    expect(await tell(host, FILE, asked, blob)).toEqual({ Err: "MalformedRequest" });
    expect((await said(host, FILE, "Read")).text).toBe("0123456789");
  });

  test("without bytes it is NoBlob", async () => {
    expect(await tell(host, FILE, writeAt(await held(), [[0, 1]]))).toEqual({ Err: "NoBlob" });
  });
});

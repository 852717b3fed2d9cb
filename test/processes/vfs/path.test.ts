/** Paths by their letters alone: whatever is taken leads into its drive. */
import { resolve, sep } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DEPTH_MAX, folderName, parsePath } from "../../../processes/vfs/path.ts";

const ROOT = "/data/vfs";

/** Text that is likely to be a way out. */
const nasty = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "..",
        ".",
        "",
        "/",
        "\\",
        "\0",
        "\n",
        "%2e%2e",
        "‥",
        "．．",
        "a",
        "b:c",
        "d",
        "~",
        "-",
        " ",
        "...",
      ),
      fc.constantFrom("con", "x".repeat(255), "é", "\ud800", "…", "pkg@pub", ":", "/b:c/d/"),
      fc.string({ unit: "binary" }),
    ),
    { maxLength: 12 },
  )
  .chain((parts) => fc.constantFrom("/", "", "\\").map((glue) => parts.join(glue)));

describe("parsePath", () => {
  test("whatever text it takes, the place on the disk is inside the drive and the drive inside the folder", () => {
    let taken = 0;
    fc.assert(
      fc.property(fc.constantFrom("", "/b:c/d/", "/b:c/", "/b:..", "/"), nasty, (front, text) => {
        const path = parsePath(front + text);
        if (path === undefined) return;
        taken++;
        const drive = resolve(ROOT, folderName(path.packageId), path.driveName);
        expect(drive.split(sep).length).toBe(ROOT.split(sep).length + 2);
        const place = [drive, ...path.parts].join(sep); // as tree.ts walks: a part at a time
        expect(resolve(place)).toBe(place);
        expect(place === drive || place.startsWith(drive + sep)).toBe(true);
        expect(parsePath(path.text)?.text).toBe(path.text);
      }),
      { numRuns: 20_000 },
    );
    expect(taken).toBeGreaterThan(200);
  });

  test.each([
    "..",
    "/..",
    "/../b:c/d",
    "/b:c/..",
    "/b:c/../d",
    "/b:c/d/..",
    "/b:c/d/x/../../../y",
    "/b:c/d/.",
    "/b:c/d//x",
    "//b:c/d",
    "/b:c/d/",
    "/b:c/",
    "/b:c",
    "/b/d",
    "/b:c:e/d",
    "/:c/d",
    "/b:/d",
    "/B:c/d",
    "/b@c:e/d",
    "/b:c/d/a\\..\\b",
    "/b:c/d/a\0",
    "/b:c/d/a\u007f",
    "/b:c/d/\ud800",
    `/b:c/d/${"x".repeat(256)}`,
    `/b:c/d/${"é".repeat(128)}`,
    `/b:c/d/${"x/".repeat(DEPTH_MAX)}x`,
    `/b:c/d/${`${"x".repeat(255)}/`.repeat(16)}x`,
    undefined,
    null,
    7,
    ["/b:c/d"],
  ])("refuses %j", (text) => expect(parsePath(text)).toBeUndefined());

  test.each([
    "/b:c/d",
    "/b:c/d/...",
    "/b:c/d/.hidden",
    "/b:c.os/d/a b/ü",
    `/b:c/d/${"x".repeat(255)}`,
    `/b:c/d/${"é".repeat(127)}`,
    `/b:c/d/${"x/".repeat(DEPTH_MAX - 1)}x`,
  ])("takes %j", (text) => expect(parsePath(text)?.text).toBe(text));
});

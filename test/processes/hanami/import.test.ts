/** Uploaded files as rows: MNIST's pair and CSV, what fits and what is refused (contract hanami §6.3). */
import { describe, expect, test } from "@jest/globals";
import { ByteReader } from "../../../processes/hanami/data-set/byte-reader.ts";
import { type CsvOptions, readCsv } from "../../../processes/hanami/data-set/csv.ts";
import type { Table } from "../../../processes/hanami/data-set/import-table.ts";
import { readMnist } from "../../../processes/hanami/data-set/mnist.ts";
import { mnistImages, mnistLabels } from "./files.ts";

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.slice(at, at + size);
}

async function all(table: Table<Uint8Array | Float32Array>): Promise<number[]> {
  const values: number[] = [];
  for await (const piece of table.rows) values.push(...piece);
  return values;
}

const ROW_MAX = 1000; // bytes

/** @param given in place of the sizes that the files have */
async function mnist(images: Uint8Array, labels: Uint8Array, given: { images?: number; labels?: number } = {}) {
  const table = await readMnist(
    { reader: new ByteReader(pieces(images, 7)), size: given.images ?? images.byteLength },
    { reader: new ByteReader(pieces(labels, 3)), size: given.labels ?? labels.byteLength },
    ROW_MAX,
  );
  return { shape: table.shape, values: await all(table), content: table.content(2) };
}

describe("MNIST", () => {
  test("a picture is its pixels as they are, then ten columns of which one is 1", async () => {
    const pictures = [
      [1, 2, 3, 4, 5, 255],
      [0, 0, 9, 0, 0, 0],
    ];
    const { shape, values, content } = await mnist(mnistImages(2, 3, pictures), mnistLabels([9, 0]));
    expect(values).toEqual([
      1,
      2,
      3,
      4,
      5,
      255,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      1,
      0,
      0,
      9,
      0,
      0,
      0,
      1,
      ...Array(9).fill(0),
    ]);
    expect(shape).toEqual({
      type: "uint8",
      columns: 16,
      description: { picture: { column_start: 0, column_end: 6 }, label: { column_start: 6, column_end: 16 } },
    });
    expect(content).toEqual({ rows: 2, columns: 16, inputs: 6, outputs: 10 });
  });

  test("magic numbers are not looked at", async () => {
    const images = mnistImages(1, 1, [[7]]);
    images.fill(0, 0, 4);
    expect((await mnist(images, mnistLabels([0]))).values).toHaveLength(11);
  });

  const images = mnistImages(1, 1, [[7], [8]]);
  test.each([
    [
      "a head of 15 bytes",
      images.slice(0, 15),
      mnistLabels([1, 2]),
      "The input file has 15 bytes: its head alone is 16.",
    ],
    ["no head of labels", images, mnistLabels([1, 2]).slice(0, 7), "The label file has 7 bytes: its head alone is 8."],
    ["no pictures", mnistImages(1, 1, []), mnistLabels([]), "0 pictures of 1 x 1 pixels: there is nothing."],
    ["no pixels", mnistImages(0, 1, [[]]), mnistLabels([1]), "1 pictures of 0 x 1 pixels: there is nothing."],
    ["a byte too few", images.slice(0, -1), mnistLabels([1, 2]), "which is 18 bytes: it has 17."],
    ["a byte too many", Uint8Array.of(...images, 0), mnistLabels([1, 2]), "which is 18 bytes: it has 19."],
    ["other counts", images, mnistLabels([1]), "The label file says that it has 1 labels: there are 2 pictures."],
    ["a label missing", images, mnistLabels([1, 2]).slice(0, -1), "has 2 labels, which is 10 bytes: it has 9."],
    ["a label of 10", images, mnistLabels([1, 10]), "The label file, label 2 (byte 9), is 10: labels are 0 to 9."],
    ["large pictures", mnistImages(1000, 1, [[]]), mnistLabels([1]), "a picture may have 990."],
  ])("%s is refused", async (_, a, b, text) => {
    await expect(mnist(a, b)).rejects.toMatchObject({ name: "ImportError", message: expect.stringContaining(text) });
  });

  test("files that end before what was announced are refused, whatever their heads say", async () => {
    const labels = mnistLabels([1, 2]);
    await expect(mnist(images.slice(0, -1), labels, { images: 18 })).rejects.toThrow(
      "end at picture 0: 2 were announced",
    );
    await expect(mnist(images, labels.slice(0, -1), { labels: 10 })).rejects.toThrow("end at picture 0");
  });
});

const G3 = { repeats: false, isStrict: false };
const G1 = { repeats: true, isStrict: true };

async function csv(text: string, options: Partial<CsvOptions> = {}, size = 5) {
  const table = await readCsv(pieces(Buffer.from(text), size), {
    ...G3,
    columnsMax: 4,
    lineBytesMax: 40,
    ...options,
  });
  return { shape: table.shape, values: await all(table) };
}

describe("CSV", () => {
  test("the first line names the columns, each other one is a row", async () => {
    const { shape, values } = await csv("a,b c,3\n1,2,3\n-4,5.5,1e3\n");
    expect(values).toEqual([1, 2, 3, -4, 5.5, 1000]);
    expect(shape).toEqual({
      type: "float32",
      columns: 3,
      description: {
        a: { column_start: 0, column_end: 1 },
        "b c": { column_start: 1, column_end: 2 },
        3: { column_start: 2, column_end: 3 },
      },
    });
  });

  test.each([1, 2, 3, 7, 1000])("comes in pieces of any size: %d", async (size) => {
    expect((await csv("ä,b\r\n1,2\r\n\r\n3,4", {}, size)).values).toEqual([1, 2, 3, 4]);
  });

  test("lines without a comma are skipped, wherever they stand", async () => {
    expect((await csv("a title\n\na,b\n1,2\n\nnote\n3,4\nend")).values).toEqual([1, 2, 3, 4]);
  });

  test("true and false are 1 and 0; blanks around a field do not count", async () => {
    expect((await csv("a,b\n true , false\n +1.,.5")).values).toEqual([1, 0, 1, 0.5]);
  });

  test("nothing and null are 0, or what the row before had", async () => {
    const text = "a,b\n,7\n1,\nnull,2\n";
    expect((await csv(text)).values).toEqual([0, 7, 1, 0, 0, 2]);
    expect((await csv(text, G1)).values).toEqual([0, 7, 1, 7, 1, 2]);
  });

  test("a row before is known over the border of two pieces that are written", async () => {
    const rows = 40_000; // two pieces of 32,768 rows
    const { values } = await csv(`a,b\n1,2\n${",\n".repeat(rows)}`, G1, 10_000);
    expect(values).toHaveLength(2 * (rows + 1));
    expect(values.every((value, index) => value === 1 + (index % 2))).toBe(true);
  });

  test("a row of another length is filled or cut; where it is strict, refused", async () => {
    const text = "a,b,c\n1,2\n1,2,3,4\n";
    expect((await csv(text)).values).toEqual([1, 2, 0, 1, 2, 3]);
    await expect(csv(text, G1)).rejects.toThrow("The input file, line 2, has 2 fields: the columns are 3.");
    await expect(csv("a,b\n1,2\n\n1,2,3", G1)).rejects.toThrow("The input file, line 4, has 3 fields");
  });

  test.each([
    ["", "The input file has no line with a comma"],
    ["one\ntwo\n", "The input file has no line with a comma"],
    ["a,b\n", "The input file has no rows"],
    ["a,b\n\n1,x\n", 'The input file, line 3, column "b", has "x": it must be a number, true, false or empty.'],
    ["a,b\n1,0x10", 'column "b", has "0x10"'],
    ["a,b\nInfinity,1", 'column "a", has "Infinity"'],
    ["a,b\nNaN,1", 'column "a", has "NaN"'],
    ["a,b\n1e39,1", 'column "a", has "1e39"'],
    ["a,b\n1 2,1", 'column "a", has "1 2"'],
    ['a,b\n"1",1', 'column "a", has ""1""'],
    ["a,\n1,2", "The input file, line 1, gives column 2 no name."],
    ["\na,a\n1,2", 'The input file, line 2, names two columns "a".'],
    ["a,b,c,d,e\n1,2,3,4,5", "line 1, names 5 columns: there may be 4 (limit csvColumns)."],
    [`a,b\n1,${"0".repeat(39)}`, "The input file, line 2, has more than 40 bytes (limit csvLineBytes)."],
  ])("%j is refused with the file and the line", async (text, why) => {
    await expect(csv(text)).rejects.toMatchObject({ name: "ImportError", message: expect.stringContaining(why) });
  });

  test("limits are taken in full", async () => {
    expect((await csv(`a,b,c,__proto__\n1,2,3,${"0".repeat(33)}4`)).values).toEqual([1, 2, 3, 4]);
  });
});

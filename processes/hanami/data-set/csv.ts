/**
 * A CSV file as rows of float32.
 *
 * 1. Lines end with `\n` (a `\r` before it is left out), fields with `,`; there are no quotes. A line without a comma is
 *    skipped, wherever it stands. The first other line names the columns.
 * 2. A field is a decimal number, `true` (1), `false` (0), or empty or `null`: then 0, or with `repeats` what the row
 *    before had there. Upstream takes anything else for 0: here it is an error that names line and column.
 * 3. A row of another length than the header is filled with 0 or cut; with `isStrict` it is an error. Upstream's G1 moves
 *    all later values of the file instead.
 */
import type { DataSetShape, Description } from "./format.ts";
import { ImportError, type Table } from "./import-table.ts";

export type CsvOptions = {
  readonly repeats: boolean;
  readonly isStrict: boolean;
  readonly columnsMax: number;
  readonly lineBytesMax: number;
};

type Line = { readonly number: number; readonly text: string };

const PIECE_VALUES = 65_536; // numbers written at a time: 256 KiB
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const SHOWN_MAX = 40; // characters of a field in a sentence

/** @throws {ImportError} here, and from its rows */
export async function readCsv(source: AsyncIterable<Uint8Array>, options: CsvOptions): Promise<Table<Float32Array>> {
  const lines = linesOf(source, options.lineBytesMax);
  const first = await lines.next();
  if (first.done === true)
    throw new ImportError("The input file has no line with a comma: the first one names the columns.");
  const names = first.value.text.split(",").map((name) => name.trim());
  const shape: DataSetShape = {
    type: "float32",
    columns: names.length,
    description: describe(names, first.value, options),
  };
  return {
    shape,
    rows: rowsOf(lines, names, options),
    content: (rows) => ({ rows, columns: names.length, inputs: 0, outputs: 0 }),
  };
}

function describe(names: readonly string[], { number }: Line, { columnsMax }: CsvOptions): Description {
  const where = `The input file, line ${number}`;
  if (names.length > columnsMax)
    throw new ImportError(`${where}, names ${names.length} columns: there may be ${columnsMax} (limit csvColumns).`);
  const description: Record<string, Description[string]> = Object.create(null); // a column may be called anything
  for (const [index, name] of names.entries()) {
    if (name === "") throw new ImportError(`${where}, gives column ${index + 1} no name.`);
    if (name in description) throw new ImportError(`${where}, names two columns "${cut(name)}".`);
    description[name] = { column_start: index, column_end: index + 1 };
  }
  return description;
}

async function* rowsOf(
  lines: AsyncIterable<Line>,
  names: readonly string[],
  options: CsvOptions,
): AsyncGenerator<Float32Array> {
  const columns = names.length;
  const step = Math.max(1, Math.floor(PIECE_VALUES / columns));
  let before = new Float32Array(columns);
  let piece = new Float32Array(step * columns);
  let filled = 0; // rows of the piece
  let rows = 0;
  for await (const line of lines) {
    const row = piece.subarray(filled * columns, (filled + 1) * columns);
    readRow(line, row, before, names, options);
    before = row;
    filled++;
    rows++;
    if (filled < step) continue;
    before = row.slice(); // what was handed on is not ours any more
    yield piece;
    piece = new Float32Array(step * columns);
    filled = 0;
  }
  if (rows === 0) throw new ImportError("The input file has no rows: nothing follows the names of the columns.");
  if (filled > 0) yield piece.subarray(0, filled * columns);
}

function readRow(
  line: Line,
  row: Float32Array,
  before: Float32Array,
  names: readonly string[],
  { repeats, isStrict }: CsvOptions,
): void {
  const fields = line.text.split(",");
  if (isStrict && fields.length !== names.length)
    throw new ImportError(
      `The input file, line ${line.number}, has ${fields.length} fields: the columns are ${names.length}.`,
    );
  for (let column = 0; column < row.length; column++) {
    const field = (fields[column] ?? "0").trim();
    if (field === "" || field === "null") {
      row[column] = repeats ? (before[column] ?? 0) : 0;
      continue;
    }
    const value = numberOf(field);
    if (value === undefined)
      throw new ImportError(
        `The input file, line ${line.number}, column "${cut(names[column] ?? "")}", has "${cut(field)}": it must be a number, true, false or empty.`,
      );
    row[column] = value;
  }
}

/** @returns undefined: no number, or none that a float32 can hold */
function numberOf(field: string): number | undefined {
  if (field === "true") return 1;
  if (field === "false") return 0;
  if (!NUMBER.test(field)) return undefined;
  const value = Math.fround(Number(field));
  return Number.isFinite(value) ? value : undefined;
}

/** Those with a comma, counted from 1 with all others. */
async function* linesOf(source: AsyncIterable<Uint8Array>, lineBytesMax: number): AsyncGenerator<Line, void> {
  const decoder = new TextDecoder();
  let left: Uint8Array = new Uint8Array(0);
  let number = 0;
  const assertShort = (bytes: number): void => {
    if (bytes > lineBytesMax)
      throw new ImportError(
        `The input file, line ${number + 1}, has more than ${lineBytesMax} bytes (limit csvLineBytes).`,
      );
  };
  for await (const piece of source) {
    const bytes = left.byteLength === 0 ? piece : joined(left, piece);
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    left = bytes.slice(end);
    if (end > 0) {
      for (const text of decoder.decode(bytes.subarray(0, end - 1)).split("\n")) {
        assertShort(text.length);
        number++;
        if (text.includes(",")) yield { number, text };
      }
    }
    assertShort(left.byteLength);
  }
  number++;
  const text = decoder.decode(left);
  if (text.includes(",")) yield { number, text };
}

const LINE_FEED = 10;

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.byteLength + b.byteLength);
  bytes.set(a);
  bytes.set(b, a.byteLength);
  return bytes;
}

function cut(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

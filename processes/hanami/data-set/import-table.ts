/** What the readers of uploaded files give: MNIST's and CSV's alike. */
import type { DataSetContent } from "./data-sets.ts";
import type { DataSetShape } from "./format.ts";

/** What is wrong with what was uploaded: one sentence that names the file and the place. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}

/** What was read: its shape first, then its rows, for one reader. */
export type Table<Row> = {
  readonly shape: DataSetShape;
  readonly rows: AsyncGenerator<Row>;
  /** What its table of data sets says of it, once all rows have been read. */
  readonly content: (rows: number) => DataSetContent;
};

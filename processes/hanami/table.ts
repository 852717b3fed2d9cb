/** The tables of `…/all`: columns by generation, as clients find the uuid by its place (`row[0]` or `row[1]`). */
import type { Generation, JsonObject } from "./endpoint.ts";
import { stamp } from "./endpoint.ts";
import { type Owned, ownedFields } from "./owned.ts";

/** @property since the oldest generation that has it; left out: all. @property until the newest */
export type Column<Row> = {
  readonly name: string;
  readonly since?: "S/G2";
  readonly until?: "G1";
  readonly value: (row: Row) => unknown;
};

export function table<Row>(generation: Generation, columns: readonly Column<Row>[], rows: readonly Row[]): JsonObject {
  const isFirst = generation === "G1";
  const shown = columns.filter(({ since, until }) => (isFirst ? since === undefined : until === undefined));
  return { header: shown.map(({ name }) => name), body: rows.map((row) => shown.map(({ value }) => value(row))) };
}

type Named = Owned & { readonly uuid: string; readonly name: string; readonly createdAt: number };

/** What tables of data sets, clusters and checkpoints begin with. */
export function ownedColumns<Row extends Named>(): readonly Column<Row>[] {
  return [
    { name: "created_at", since: "S/G2", value: ({ createdAt }) => stamp(createdAt) },
    { name: "uuid", value: ({ uuid }) => uuid },
    { name: "project_id", value: ({ projectId }) => projectId },
    { name: "owner_id", value: ({ ownerId }) => ownerId },
    { name: "visibility", value: (row) => ownedFields(row).visibility },
    { name: "name", value: ({ name }) => name },
  ];
}

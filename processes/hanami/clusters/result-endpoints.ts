/**
 * The first generation's request-results: the data sets that request tasks leave, read as winning labels (§3.4).
 *
 * They are data sets in every generation here: one kind of thing is listed, checked and deleted, whoever asks.
 */

import type { DataSet } from "../data-set/data-sets.ts";
import { type DataSetReader, openDataSet } from "../data-set/reader.ts";
import { type Caller, type Endpoint, JsonPieces, UUID } from "../endpoint.ts";
import { mayUse, ownedFields, visible } from "../owned.ts";
import { ownedColumns, table } from "../table.ts";
import type { ClusterParts } from "./parts.ts";

const PIECE_ROWS = 1000; // in one piece of an answer

export function resultEndpoints({ ctx, dataSets }: ClusterParts): readonly Endpoint[] {
  const find = (caller: Caller, uuid: unknown): DataSet => {
    const set = dataSets.get(uuid as string);
    return visible(caller, set?.type === "result" ? set : undefined, `request-result ${uuid}`);
  };
  return [
    {
      method: "GET",
      path: "request_result",
      fields: { uuid: UUID },
      async handle({ caller, input }) {
        const set = find(caller, input.uuid);
        const { uuid, name } = set;
        const head = JSON.stringify({ uuid, name, ...ownedFields(set) });
        return new JsonPieces(pieces(head, await openDataSet(ctx, uuid)));
      },
    },
    {
      method: "GET",
      path: "request_result/all",
      fields: {},
      handle: ({ caller, generation }) =>
        table(
          generation,
          ownedColumns<DataSet>(),
          dataSets.all.filter((set) => set.type === "result" && mayUse(caller, set)),
        ),
    },
    {
      method: "DELETE",
      path: "request_result",
      fields: { uuid: UUID },
      async handle({ caller, input }) {
        await dataSets.remove(find(caller, input.uuid));
        return {};
      },
    },
  ];
}

/** The object of `head`, and in `data` which column of each row is the largest. */
async function* pieces(head: string, reader: DataSetReader): AsyncGenerator<string> {
  yield `${head.slice(0, -1)},"data":[`;
  for (let row = 0; row < reader.rows; row += PIECE_ROWS) {
    const values = await reader.read(row, PIECE_ROWS);
    const winners: number[] = [];
    for (let at = 0; at < values.length; at += reader.columns) winners.push(winner(values, at, reader.columns));
    yield (row === 0 ? "" : ",") + winners.join(",");
  }
  yield "]}";
}

function winner(values: Float32Array, at: number, width: number): number {
  let best = 0;
  for (let index = 1; index < width; index++) if ((values[at + index] ?? 0) > (values[at + best] ?? 0)) best = index;
  return best;
}

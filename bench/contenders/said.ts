/** The JSON of bench/json: what a client says, and the one thing that every contender's handler does to it. */

export type Said = { readonly type: "said"; readonly from: string; n: number; readonly text: string };

/** What every client of an application hears now and then besides (contenders/app.ts). */
export const TALLY = '{"type":"tally"}';

/** Changes one field and nothing else. Returns `said` itself. */
export function count(said: Said): Said {
  said.n += 1;
  return said;
}

/** The JSON of bench/json: what a client says, and the one thing that every contender's handler does to it. */

export type Said = { readonly type: "said"; readonly from: string; n: number; readonly text: string };

/** Changes one field and nothing else. Returns `said` itself. */
export function count(said: Said): Said {
  said.n += 1;
  return said;
}

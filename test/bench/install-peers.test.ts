/** Who takes part in a bench. Nobody here is a peer: to install those is no matter of a unit test. */
import { describe, expect, test } from "@jest/globals";
import { gather } from "../../bench/install-peers.ts";

const contenders = ["limit", "ours", "theirs"].map((name) => ({ name, isPeer: false }));
const note = (line: string): void => {
  throw new Error(`Nobody is missing: ${line}`);
};

describe("gather()", () => {
  test("has all, in their order, unless told otherwise", async () => {
    expect(await gather("echo", contenders, undefined, note)).toEqual({ playing: contenders, missing: [] });
  });

  test("has those that are named, in the bench's order", async () => {
    const { playing } = await gather("echo", contenders, ["theirs", "limit"], note);
    expect(playing.map(({ name }) => name)).toEqual(["limit", "theirs"]);
  });

  test("refuses to run without anybody", async () => {
    const nobody = gather("echo", contenders, ["others"], note);
    await expect(nobody).rejects.toThrow("Cannot run echo as at least one contender must be there");
  });
});

/** The table of data sets where a disk fails: what is there stays, what is not is not said to be. */
import { expect, test } from "@jest/globals";
import { DataSets } from "../../../processes/hanami/data-set/data-sets.ts";
import type { Parts } from "../../../processes/hanami/data-set/parts.ts";
import type { Ctx } from "../../../processes/hanami/endpoint.ts";
import { hanamiLimits } from "../../../processes/hanami/limits.ts";

const CALLER = { id: "anna", name: "anna", isAdmin: false, projectId: "lab1", isProjectAdmin: false };
const CONTENT = { rows: 1, columns: 2, inputs: 0, outputs: 0 };

/** @param fail what does not work, looked at each time */
async function table(fail: { set: boolean; remove: boolean }) {
  const rows = new Map<string, unknown>();
  const logs: string[] = [];
  const removed: string[] = [];
  const database = {
    async *entries(): AsyncGenerator<never> {},
    async set(uuid: string, row: unknown): Promise<void> {
      if (fail.set) throw new Error("the disk is full");
      rows.set(uuid, row);
    },
  };
  const ctx = { kv: { open: async () => database }, now: () => 0, log: (text: string) => void logs.push(text) };
  const parts: Partial<Parts> = {
    createPart: async () => undefined,
    removePart: async (uuid) => {
      removed.push(uuid);
      if (fail.remove) throw new Error("the disk is busy");
    },
  };
  const sets = await DataSets.open(ctx as unknown as Ctx, hanamiLimits(), parts as Parts);
  const set = await sets.create(CALLER, { name: "test", type: "mnist", inputSize: 1, labelSize: 1 });
  return { sets, set, rows, logs, removed };
}

test("parts that cannot be removed take no finished data set with them", async () => {
  const { sets, set, rows, logs, removed } = await table({ set: false, remove: true });
  await sets.finish(set, CONTENT, 9);
  expect(sets.get(set.uuid)).toMatchObject({ content: CONTENT, bytes: 9, upload: null });
  expect(rows.get(set.uuid)).toMatchObject({ content: CONTENT });
  expect(removed).toHaveLength(2); // the second too
  expect(logs).toEqual([`a part of ${set.uuid} is left: the disk is busy`]);
});

test("one that cannot be written down as finished waits for its parts as before", async () => {
  const fail = { set: false, remove: false };
  const { sets, set, removed } = await table(fail);
  fail.set = true;
  await expect(sets.finish(set, CONTENT, 9)).rejects.toThrow("the disk is full");
  expect(sets.get(set.uuid)).toBe(set);
  expect(sets.ofPart(set.upload?.label?.uuid ?? "")).toBe(set);
  expect(removed).toEqual([]);
});

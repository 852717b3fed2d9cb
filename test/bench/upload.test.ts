/** What bench/upload compares. */
import { expect, test } from "@jest/globals";
import { type Round, resultOfRounds } from "../../bench/turns.ts";
import { ratiosOf, upload } from "../../bench/upload.ts";

const round = (main: number): Round => ({ main, also: {}, note: "" });

test("ratiosOf() compares ours with the limit of its way; of those that ran", () => {
  expect(upload.contenders).toEqual(["uwebsockets-1", "jackfield-1", "uwebsockets-16", "jackfield-16"]);
  const results = {
    "uwebsockets-1": resultOfRounds([round(400)]),
    "jackfield-1": resultOfRounds([round(300)]),
    "jackfield-16": resultOfRounds([round(900)]),
  };
  expect(ratiosOf(results)).toEqual({ "jackfield-1/uwebsockets-1": 0.75 });
});

/** Reports of the bench as tables of docs/performance.md (scripts/report-table.mjs). */
import { join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { Report } from "../../bench/bench.ts";
import { figuresOf } from "../../bench/figures.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const { tableOf } = (await import(join(ROOT, "scripts/report-table.mjs"))) as {
  readonly tableOf: (report: Report) => string;
};

const echo: Report = {
  bench: "echo",
  unit: "messages/s",
  contenders: {
    uwebsockets: { ...figuresOf([700_000.4, 720_000]), also: { p50Us: figuresOf([2176]) } },
    jackfield: figuresOf([355_000, 355_001]),
  },
  ratio: 0.5,
  ratios: { "jackfield/ws": 11.75 },
  missing: [],
  connections: 100,
  receivers: 1000,
  node: "20.20.2",
};

const start: Report = {
  bench: "start",
  unit: "ms",
  contenders: {
    uwebsockets: { ...figuresOf([78.25, 89.5]), also: { cpuMs: figuresOf([85]) } },
    jackfield: { ...figuresOf([133]), also: { cpuMs: figuresOf([131]), firstMs: figuresOf([401.6, 399.6]) } },
  },
  ratio: 1.5,
  ratios: { "jackfield/uwebsockets": 1.5 },
  cpuRatio: 1.541,
  missing: ["colyseus"],
  starts: 30,
  nodeVariables: ["NODE_OPTIONS"],
  installed: { uwebsockets: { bytes: 83_400_000, packages: 1 }, jackfield: { bytes: 9_126_000, packages: 24 } },
  node: "20.20.2",
};

/** Of one bench, as Markdown has it. */
const lines = (report: Report): readonly string[] => tableOf(report).split("\n");

describe("the table of a report", () => {
  test("has a row for each contender, and below it the ratios and what else is one number", () => {
    expect(lines(echo)).toEqual([
      "### echo",
      "",
      "100 connections, rounds: 2",
      "",
      "|  | messages/s | min | max | p50 µs |",
      "| --- | --: | --: | --: | --: |",
      "| uwebsockets | 710,000 | 700,000 | 720,000 | 2,176 |",
      "| jackfield | 355,001 | 355,000 | 355,001 |  |",
      "",
      "ratio to the limit **0.500** · jackfield/ws **11.8** · receivers **1,000**",
      "",
    ]);
  });

  test("of starts has the first one, what is installed, how many there were, and who is missing", () => {
    expect(lines(start)).toEqual([
      "### start",
      "",
      "starts of each: 30, NODE_OPTIONS set",
      "",
      "|  | ms | min | max | server ms | first start ms | installed MB | packages |",
      "| --- | --: | --: | --: | --: | --: | --: | --: |",
      "| uwebsockets | 84 | 78 | 90 | 85 |  | 83 | 1 |",
      "| jackfield | 133 | 133 | 133 | 131 | 401 | 9.13 | 24 |",
      "",
      "Could not be had: colyseus.",
      "",
      "Less time is better, and so is a smaller ratio of it.",
      "",
      "ratio to the limit **1.500** · jackfield/uwebsockets **1.500** · cpuRatio **1.541**",
      "",
    ]);
  });

  test("of starts where npm could not be asked has no sizes", () => {
    expect(lines({ ...start, installed: null })).toContain("|  | ms | min | max | server ms | first start ms |");
  });

  test("of starts has no size of who was not installed", () => {
    const installed = { jackfield: { bytes: 9_126_000, packages: 24 } };
    expect(lines({ ...start, installed })).toContain("| uwebsockets | 84 | 78 | 90 | 85 |  |  |  |");
  });
});

describe("below a table", () => {
  const below = (unit: string): string =>
    tableOf({ ...echo, unit, contenders: { jackfield: figuresOf([1]) }, ratio: null, ratios: {} });

  test.each([
    ["bytes/channel", "memory"],
    ["bytes/process", "memory"],
    ["ms", "time"],
    ["% heap growth", "growth"],
  ])("of %s stands that less is better", (unit, what) => {
    expect(below(unit)).toContain(`\nLess ${what} is better.\n`);
  });

  test.each(["messages/s", "deliveries/s", "frames/s", "MiB/s"])("of %s it does not", (unit) => {
    expect(below(unit)).not.toContain("is better");
  });
});

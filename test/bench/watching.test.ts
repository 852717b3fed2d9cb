/** What /proc says of a process, as text (proc(5)). */
import { describe, expect, test } from "@jest/globals";
import { cpuMs, readCpuMs, readOpenFilesMax, readRssKb } from "../../bench/watching.ts";

describe("readRssKb()", () => {
  test("is VmRSS, whatever stands around it", () => {
    const status = "Name:\tVmRSS: 1 kB\nVmHWM:\t   99999 kB\nVmRSS:\t   52132 kB\nRssAnon:\t   20000 kB\n";
    expect(readRssKb(status)).toBe(52132);
  });

  test("is NaN for a process that has no memory any more", () => {
    expect(readRssKb("Name:\tnode\nState:\tZ (zombie)\n")).toBeNaN();
  });
});

describe("readCpuMs()", () => {
  test("is user and system time, also when the name has blanks and brackets", () => {
    const stat = "4242 (a) S (b) S 1 4242 4242 0 -1 4194304 900 0 0 0 151 23 7 5 20 0 11 0 100 0 0";
    expect(readCpuMs(stat)).toBe(1740);
  });
});

describe("readOpenFilesMax()", () => {
  const line = (soft: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${soft.padEnd(21)}524288               files\n`;

  test("is the soft limit", () => {
    expect(readOpenFilesMax(line("20000"))).toBe(20_000);
  });

  test("is Infinity where there is none", () => {
    expect(readOpenFilesMax(line("unlimited"))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("cpuMs()", () => {
  test("throws for a process that is not there", () => {
    expect(() => cpuMs(2 ** 30)).toThrow("Cannot watch process 1073741824 as /proc/1073741824/stat must be readable");
  });
});

/** Every relative link of every document leads to a file, and to a heading where it names one. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";

const ROOT = resolve(import.meta.dirname, "../..");
const SKIPPED = ["node_modules", "dist", ".git", ".jackfield"];

function documents(folder = ROOT): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.includes(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return documents(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

/** Links as `[text](target)`, those in code left out. */
function linksOf(text: string): string[] {
  const prose = text.replaceAll(/```[\s\S]*?```/g, "").replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => (target === undefined ? [] : [target]));
}

/** As GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+\s+(.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

describe("documents", () => {
  test.each(documents().map((path) => [path.slice(ROOT.length + 1), path]))("%s has no dead link", (_, path) => {
    const dead = linksOf(readFileSync(path, "utf8")).filter((link) => {
      if (/^[a-z]+:/.test(link)) return false; // another site's
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : resolve(dirname(path), file);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(target, "utf8")).includes(anchor);
    });
    expect(dead).toEqual([]);
  });

  test("the glossary names files that exist", () => {
    const paths = [...readFileSync(join(ROOT, "GLOSSARY.md"), "utf8").matchAll(/`([\w-]+\/[\w./-]*)`/g)].map(
      ([, path = ""]) => path,
    );
    expect(paths.length).toBeGreaterThan(20);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test("PROTOCOL's close codes are those of the code", async () => {
    const { CLOSE } = await import("../../lib/protocol/index.ts");
    const section = /## 3\. Close codes([\s\S]*?)## 4/.exec(readFileSync(join(ROOT, "PROTOCOL.md"), "utf8"))?.[1] ?? "";
    const rows = [...section.matchAll(/^\| (\d{4}) \|/gm)].map(([, code]) => Number(code));
    expect(rows).toEqual(Object.values(CLOSE).map((row) => row.code));
  });
});

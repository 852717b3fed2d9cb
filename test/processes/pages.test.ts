/** What the pages that ship with the node let a browser do: load from the node itself, and nothing else. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";

const FOLDER = new URL("../../processes/", import.meta.url);
const HAS_ITS_POLICY_AS_A_HEADER = "homepage"; // test/http-server/http/serve-ui.test.ts

const pages = readdirSync(FOLDER).filter((name) => existsSync(new URL(`${name}/ui/index.html`, FOLDER)));

test("there are pages to look at", () => {
  expect(pages).toEqual(expect.arrayContaining(["hanami", HAS_ITS_POLICY_AS_A_HEADER, "labgraph", "soundlab"]));
});

test.each(pages.filter((name) => name !== HAS_ITS_POLICY_AS_A_HEADER))(
  "%s: its page has a Content-Security-Policy that begins with nothing",
  (name) => {
    const page = readFileSync(new URL(`${name}/ui/index.html`, FOLDER), "utf8");
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)">/.exec(page)?.[1] ?? "";
    expect(policy.split("; ")).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "connect-src 'self'", "base-uri 'none'"]),
    );
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
  },
);

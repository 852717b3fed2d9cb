/** homepage:homepage:sys: apps put themselves on the start page. */

import { resolve } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import homepage from "../../processes/homepage/homepage.ts";

const USAGE = 'write {"Add":{"label":"…","path":"/…"}}, "Remove" or "GetApps"';

async function startHomepage(): Promise<Awaited<ReturnType<typeof startProcess>>> {
  return await startProcess(homepage, {
    our: "homepage:homepage:sys",
    folder: resolve(import.meta.dirname, "../../processes/homepage"),
  });
}

describe("homepage", () => {
  test("lists what was added, with a path of its own making where none was given", async () => {
    const page = await startHomepage();
    await page.request({ Add: { label: "Chat", description: "one room" } }, { from: "chat:chat:template.os" });
    await page.request({ Add: { label: "Files", path: "/files", icon: "📁" } }, { from: "files:files:me.os" });
    const chat = {
      process: "chat:chat:template.os",
      label: "Chat",
      path: "/chat:chat:template.os/",
      icon: null,
      description: "one room",
    };
    const files = { process: "files:files:me.os", label: "Files", path: "/files", icon: "📁", description: null };
    expect((await page.request("GetApps", { from: "chat:chat:template.os" })).body).toEqual({ GetApps: [chat, files] });
    const answer = await page.http({ method: "GET", path: "/apps.json" });
    expect(answer.status).toBe(200);
    expect(answer.data).toEqual([chat, files]);
  });

  test("changes and removes the sender's entry only", async () => {
    const page = await startHomepage();
    for (const from of ["a:a:me.os", "b:b:me.os"]) await page.request({ Add: { label: "old" } }, { from });
    await page.request({ Add: { label: "new" } }, { from: "a:a:me.os" });
    await page.send("Remove", { from: "b:b:me.os" });
    const { body } = await page.request("GetApps", { from: "b:b:me.os" });
    expect(body).toMatchObject({ GetApps: [{ process: "a:a:me.os", label: "new" }] });
  });

  test.each([
    ["no label", { Add: {} }],
    ["a path that is none", { Add: { label: "x", path: "https://elsewhere.example" } }],
    ["a label of 501 characters", { Add: { label: "x".repeat(501) } }],
    ["an icon of 65537 characters", { Add: { label: "x", icon: "i".repeat(65_537) } }],
    ["another word", "RemoveOther"],
  ])("refuses %s and says what to write", async (_, body) => {
    const page = await startHomepage();
    expect((await page.request(body, { from: "a:a:me.os" })).body).toEqual({ Err: USAGE });
    expect((await page.request("GetApps", { from: "a:a:me.os" })).body).toEqual({ GetApps: [] });
  });
});

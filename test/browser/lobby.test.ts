/** The lobby's page in a real browser: two people, one room, and back. */
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "@jest/globals";
import { useBrowser } from "../support/browser.ts";
import { endJackfields, startNode } from "../support/jackfield.ts";
import { logIn, reads } from "./visitor.ts";

const LOBBY = fileURLToPath(new URL("../../dist/examples/lobby", import.meta.url));
const PASSWORD = "correct horse battery";

const browser = useBrowser();
afterEach(endJackfields);

test("two people go from the lobby into a room, talk, and one comes back with the name it had", async () => {
  const { url } = await startNode({ args: ["--memory", "--password", PASSWORD, "--package", LOBBY] });
  const context = await browser.context();
  const [ann, bob] = [await browser.page(context), await browser.page(context)];
  await logIn(ann, `${url}lobby:lobby:template.os/`, PASSWORD);
  await bob.goto(`${url}lobby:lobby:template.os/`);
  for (const [page, name] of [
    [ann, "Ann"],
    [bob, "Bob"],
  ] as const) {
    await reads(page, "#where", "Lobby");
    await page.fill("#name", name);
    await page.click("#join button[value=red]");
    await reads(page, "#where", "The red room");
  }
  await bob.fill("#text", "hello");
  await bob.press("#text", "Enter");
  await ann.locator("#log li", { hasText: "Bob: hello" }).waitFor();
  await bob.click("#leave");
  await ann.locator("#log li", { hasText: "Bob left" }).waitFor();
  await reads(bob, "#where", "Lobby");
  expect(await bob.inputValue("#name")).toBe("Bob");
  expect(await bob.isVisible("#speak")).toBe(false);
});

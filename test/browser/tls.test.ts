/** A real browser over https: it keeps the Secure cookies, and its socket is a wss one; http is sent to https. */
import { afterEach, expect, test } from "@jest/globals";
import { useBrowser } from "../support/browser.ts";
import { endJackfields, freePort, startNode } from "../support/jackfield.ts";
import { pair } from "../support/tls.ts";
import { callOneself, enterChat, hears, logIn, say } from "./visitor.ts";

const PASSWORD = "correct horse battery";

const browser = useBrowser();
afterEach(endJackfields);

test("a login and a chat work over TLS, and from the plain port", async () => {
  const { cert, key } = pair("one");
  const plain = String(await freePort());
  const secure = ["--tls-cert", cert, "--tls-key", key, "--redirect-http", plain];
  const { url } = await startNode({ args: ["--memory", "--password", PASSWORD, ...secure] });
  const context = await browser.context({ ignoreHTTPSErrors: true });
  const page = await browser.page(context);
  await logIn(page, `http://localhost:${plain}/`, PASSWORD);
  expect(page.url()).toBe(url);
  const cookies = await context.cookies();
  expect(cookies.map(({ name, secure }) => ({ name, secure }))).toEqual(
    expect.arrayContaining([
      { name: "jackfield-auth_localhost", secure: true },
      { name: "kinode-auth_localhost", secure: true },
    ]),
  );
  await enterChat(page, url);
  await callOneself(page, "Ada");
  await say(page, "over TLS");
  await hears(page, "Ada", "over TLS");
});

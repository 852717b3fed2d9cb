/** `jackfield start` with TLS: what it prints, what SIGHUP does, and what is refused. */
import { writeFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, freePort, run, startNode, temporaryFolder } from "../support/jackfield.ts";
import { destroyAll, type RawSocket } from "../support/sockets.ts";
import { askTls, connectTls, pair, putPair, SERIALS, serialOf } from "../support/tls.ts";

afterEach(destroyAll);
afterEach(endJackfields);

const START = ["--memory", "--password", "correct horse"];
const flags = ({ cert, key } = pair("one")): readonly string[] => ["--tls-cert", cert, "--tls-key", key];

test("a start with TLS prints https addresses, where it redirects, and which certificate it has", async () => {
  const plain = await freePort();
  const args = [...START, ...flags(), "--redirect-http", String(plain), "--mount", "0=echo:echo:sys"];
  const { command, port } = await startNode({ args });
  expect(command.stdout.split("\n")).toEqual([
    `Jackfield node "localhost" runs on https://localhost:${port}/`,
    "  log in with   the password you gave",
    `  chat          https://localhost:${port}/chat:chat:template.os/`,
    expect.stringMatching(/^ {2}mounted {7}https:\/\/localhost:\d+\/ is echo:echo:sys$/),
    `  redirect      http://localhost:${plain}/ to https://localhost:${port}/`,
    expect.stringMatching(
      `^  certificate   ${pair("one").cert}, serial ${SERIALS.one}, good until 21\\d\\d-.*; read again on SIGHUP$`,
    ),
    expect.stringMatching(/^ {2}transport /),
    "  state         in memory: gone when the node stops",
    "  stop          Ctrl-C",
    "",
  ]);
  expect((await askTls(port, { path: "/login" })).status).toBe(200);
  expect((await askHttp(plain, { path: "/login" })).headers.location).toBe(`https://127.0.0.1:${port}/login`);
});

describe.each(["uws", "ws"])("SIGHUP over %s", (transport) => {
  test("reads the files again: new connections get what is there, open ones go on, bad files change nothing", async () => {
    const files = putPair(temporaryFolder(), "one");
    const { command, port } = await startNode({ args: [...START, ...flags(files), "--transport", transport] });
    const old = await connectTls(port);
    expect(serialOf(old)).toBe(SERIALS.one);

    command.kill("SIGHUP");
    await command.printed(/TLS: the files are as they were\n/);

    putPair(files.cert.replace(/\/[^/]+$/, ""), "two");
    command.kill("SIGHUP");
    await command.printed(new RegExp(`TLS: new connections get ${files.cert}, serial ${SERIALS.two}, good until `));
    expect(serialOf(await connectTls(port))).toBe(SERIALS.two);
    expect((await old.request({ path: "/our" })).status).toBe(200);

    writeFileSync(files.key, "no key");
    command.kill("SIGHUP");
    await until(() => command.stderr.includes("stays in use"));
    expect(command.stderr).toBe(
      `Cannot serve TLS with "${files.key}" as it must be PEM, text with "-----BEGIN …-----": got none, convert it with openssl. The certificate before it stays in use\n`,
    );
    const late: RawSocket = await connectTls(port);
    expect(serialOf(late)).toBe(SERIALS.two);
  });
});

test("a certificate that cannot be served ends a start with exit code 1, and says why", async () => {
  const { key } = pair("one");
  expect(await run("start", ...START, "--port", "0", "--tls-cert", "/none.crt", "--tls-key", key).ended).toEqual({
    code: 1,
    signal: null,
    stdout: "",
    stderr: `Cannot serve TLS with "/none.crt" as it must be a file with a certificate that this node may read: ENOENT: no such file or directory, open '/none.crt'\n`,
  });
});

test("one file without the other ends with exit code 2", async () => {
  const { code, stderr } = await run("start", ...START, "--tls-cert", pair("one").cert).ended;
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining("Cannot use --tls-cert as it needs --tls-key: "),
  });
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

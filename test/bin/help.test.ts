/** What the command says of itself, and to what it does not understand. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "@jest/globals";
import { CLUSTER_OPTIONS } from "../../bin/cluster.ts";
import { CONTROL_OPTIONS } from "../../bin/control.ts";
import { DEV_OPTIONS } from "../../bin/dev.ts";
import { INSTALL_OPTIONS } from "../../bin/install.ts";
import { NEW_OPTIONS } from "../../bin/new.ts";
import { OPTIONS } from "../../bin/options.ts";
import { NODE_OPTIONS } from "../../bin/rpc.ts";
import { SEND_OPTIONS } from "../../bin/send.ts";
import { HTTP_SERVER_LIMITS } from "../../http-server/index.ts";
import { KERNEL_LIMITS } from "../../kernel/index.ts";
import type { Limit } from "../../lib/protocol/index.ts";
import { endJackfields, run } from "../support/jackfield.ts";

const WIDTH_MAX = 120; // columns: what most terminals show without wrapping

afterEach(endJackfields);

/** What is said of a limit that was set to 0. */
function rule({ min, max, unit, value }: Limit): string {
  return `${min} to ${max} ${unit}: got 0, leave it out for ${value}`;
}

describe("jackfield --help", () => {
  test("tells a newcomer what this is, how to start, and how to stop", async () => {
    const { code, stdout, stderr } = await run("--help").ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^jackfield: named processes that own live browser connections\n/);
    expect(stdout).toMatch("jackfield start [options]     start a node; Ctrl-C stops it");
    expect(stdout).toMatch("flag, environment, config file, default");
    expect(stdout).toMatch("jackfield start                                     the examples on http://localhost:8080");
  });

  test("has a line for every option, in no more columns than a terminal has", async () => {
    const { stdout } = await run("--help").ended;
    const lines = stdout.split("\n");
    const rows = [
      OPTIONS,
      NEW_OPTIONS,
      DEV_OPTIONS,
      INSTALL_OPTIONS,
      CLUSTER_OPTIONS,
      NODE_OPTIONS,
      CONTROL_OPTIONS,
      SEND_OPTIONS,
    ].flatMap((table) => Object.entries<{ readonly value: string; readonly help: string }>(table));
    for (const [name, { value, help }] of rows) {
      expect(lines.filter((line) => line.startsWith(`  --${name} ${value}`) && line.endsWith(help))).toHaveLength(1);
    }
    expect(lines.filter((line) => line.startsWith("  --"))).toHaveLength(rows.length + 1); // and --config
    expect(lines.filter((line) => line.length > WIDTH_MAX)).toEqual([]);
  });

  test.each([[["-h"]], [["help"]], [["start", "--help"]], [["start", "--port", "x", "-h"]]])(
    "is what %j says too",
    async (args) => {
      const [{ stdout: wanted }, { code, stdout }] = await Promise.all([run("--help").ended, run(...args).ended]);
      expect({ code, stdout }).toEqual({ code: 0, stdout: wanted });
    },
  );
});

test("jackfield --help limits has every limit with its default, unit, bounds and reason", async () => {
  const { code, stdout } = await run("--help", "limits").ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Limits: set one with --limit NAME=NUMBER\n/);
  const limits = Object.entries({ ...KERNEL_LIMITS, ...HTTP_SERVER_LIMITS });
  for (const [name, { value, unit, min, max, why }] of limits) {
    expect(stdout).toMatch(new RegExp(`\n  ${name} +${value} ${unit} \\(${min} to ${max}\\)\n`));
    expect(stdout).toContain(why);
  }
});

test("jackfield --version is the package's", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(await run("--version").ended).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
});

describe("what is not understood ends with exit code 2", () => {
  test("an unknown command, with a way on", async () => {
    expect(await run("strat").ended).toMatchObject({
      code: 2,
      stdout: "",
      stderr: 'Cannot run "strat" as there is no such command: try jackfield start, or jackfield --help\n',
    });
  });

  test("no command at all, with the help", async () => {
    const { stdout } = await run("--help").ended;
    expect(await run().ended).toMatchObject({ code: 2, stdout: "", stderr: stdout });
  });

  test.each([
    [
      ["--prot", "9090"],
      "Cannot start as the command line is not understood: Unknown option '--prot'. See jackfield --help",
    ],
    [["--port", "http"], 'Cannot use --port as it must be a whole number, 0 to 65535 (0: any free one): got "http"'],
    [["--transport", "tcp"], 'Cannot use --transport as it must be auto, uws or ws: got "tcp"'],
    [["--limit", "mailbox"], 'Cannot use --limit as it must be NAME=NUMBER: got ["mailbox"]'],
    [["--limit", "mailbox=0"], `Cannot set limit "mailbox" as it must be ${rule(KERNEL_LIMITS.mailbox)}`],
    [["--limit", "channels=0"], `Cannot set limit "channels" as it must be ${rule(HTTP_SERVER_LIMITS.channels)}`],
    [
      ["--node", "Alice OS"],
      'Cannot start node "Alice OS" as a name has only the letters a-z 0-9 . - _: leave it out for "localhost"',
    ],
    [
      ["--mount", "9000"],
      'Cannot mount "9000" as it must be PORT=process:package:publisher: for example 9000=echo:echo:sys',
    ],
    [
      ["--allow-host", "http://box"],
      'Cannot allow host "http://box" as it must be a host name without scheme and port: for example box.home',
    ],
    [
      ["--allow-origin", "app.example"],
      'Cannot allow origin "app.example" as it must be scheme://host[:port] and nothing else: for example https://app.example',
    ],
    [
      ["--trust-proxy", "10.0.0.1,proxy.example"],
      'Cannot trust the proxy "proxy.example" as it must be an address, a range like 10.0.0.0/8 or fd00::/8, or loopback',
    ],
  ])("start %j", async (args, words) => {
    expect(await run("start", "--memory", "--port", "0", ...args).ended).toMatchObject({
      code: 2,
      stdout: "",
      stderr: `${words}\n`,
    });
  });
});

/** The command line. Exit codes: 0 stopped as asked, or sent; 1 could not start, or send; 2 not understood; 3 no answer came. */
import { readFileSync } from "node:fs";
import type { KernelEvent } from "../kernel/index.ts";
import { KernelError, OptionError } from "../lib/protocol/index.ts";
import { helpText, limitsText } from "./help.ts";
import { readOptions } from "./options.ts";
import { NoAnswerError, send } from "./send.ts";
import { start } from "./start.ts";

const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const warn = (line: string): boolean => process.stderr.write(`${line}\n`);

const OUTPUT = {
  isTerminal: process.stdout.isTTY === true,
  print: (data: string | Uint8Array): boolean => process.stdout.write(data),
  warn,
};

/** @param running is called once a node runs and has said so */
export async function main(args: readonly string[], running: () => void): Promise<void> {
  try {
    await run(args, running);
  } catch (error) {
    warn(error instanceof KernelError ? error.message : String(error instanceof Error ? error.stack : error));
    process.exit(error instanceof OptionError ? 2 : error instanceof NoAnswerError ? 3 : 1);
  }
}

async function run(args: readonly string[], running: () => void): Promise<void> {
  const [command, ...rest] = args;
  if (args.includes("--help") || args.includes("-h") || command === "help")
    say(args.includes("limits") ? limitsText() : helpText());
  else if (command === "--version") say(version());
  else if (command === "start") {
    await startCommand(rest);
    running();
  } else if (command === "send") await send(rest, process.env, OUTPUT);
  else {
    warn(
      command === undefined
        ? helpText()
        : `Cannot run "${command}" as there is no such command: try jackfield start, or jackfield --help`,
    );
    process.exitCode = 2;
  }
}

async function startCommand(args: readonly string[]): Promise<void> {
  const options = readOptions(args, process.env);
  const { node, server, oneTimeLogin } = await start(options, report);
  // Before the first line: who reads that the node runs may stop it.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // Not `once`: under npm, Ctrl-C arrives twice, and the second would end the node at once, undrained.
    process.on(signal, () => void node.stop().then(() => process.exit(0)));
  }
  const [url = "", ...mounted] = server.ports.map((port) => `http://${shownHost(options.host)}:${port}/`);
  say(`Jackfield node "${node.name}" runs on ${url}`);
  if (oneTimeLogin !== null) {
    const minutes = Math.floor(server.limits.loginLinkSeconds / 60);
    say(`\n  Open this link to log in and choose a password. It works once, within ${minutes} minutes:\n`);
    say(`    ${url.slice(0, -1)}${oneTimeLogin}\n`);
  } else say(`  log in with   ${options.password === null ? "your password" : "the password you gave"}`);
  if (options.package.length === 0) say(`  chat          ${url}chat:chat:template.os/`);
  for (const [index, at] of mounted.entries()) say(`  mounted       ${at} is ${options.mount[index]?.split("=")[1]}`);
  say(`  transport     ${server.transportWhy}`);
  say(`  state         ${options.memory ? "in memory: gone when the node stops" : `in ${options.data}`}`);
  say("  stop          Ctrl-C");
}

/** As a browser on this machine would write it. */
function shownHost(host: string): string {
  if (["127.0.0.1", "0.0.0.0", "::"].includes(host)) return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

/** What a person at the node should see; the rest is in kernel:distro:sys's debug queries. */
function report(event: KernelEvent): void {
  switch (event.type) {
    case "process-crashed":
      return void warn(`${event.report.process} crashed: ${event.report.stack ?? event.report.error}`);
    case "process-restarting":
      return void warn(`${event.process} is restarted${event.delayMs === 0 ? "" : ` in ${event.delayMs} ms`}`);
    case "process-gave-up":
      return void warn(`${event.process} is GIVEN UP after ${event.restarts} restarts: mend it, then restart the node`);
    case "log":
      return void say(`${event.process}: ${event.text}`);
    case "fault":
      return void warn(
        `defect in ${event.process}: ${event.error instanceof Error ? event.error.stack : String(event.error)}`,
      );
    default:
      return undefined;
  }
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** The command line. Exit codes: 0 stopped as asked, or sent; 1 could not start, or send; 2 not understood; 3 no answer came. */
import { readFileSync, writeSync } from "node:fs";
import type { HttpServer, Tls } from "../http-server/index.ts";
import { type KernelEvent, type KernelListener, type Node, poisonText } from "../kernel/index.ts";
import { KernelError, OptionError } from "../lib/protocol/index.ts";
import { readOptions, type StartOptions } from "./options.ts";
import { type Started, type StartParts, start } from "./start.ts";
import { type Output, terminalOf } from "./terminal.ts";
import { version } from "./version.ts";

let hasSaid = false;
const say = (line: string): void => {
  hasSaid = true;
  process.stdout.write(`${line}\n`);
};
const warn = (line: string): boolean => process.stderr.write(`${line}\n`);

/** Made when it is wanted: see `sayAtOnce`. */
function output(): Output {
  const print = (data: string | Uint8Array): boolean => process.stdout.write(data);
  return { ...terminalOf(process.stdout, process.env), print, warn };
}

/** @param running is called once a node runs and has said so */
export async function main(args: readonly string[], running: () => void): Promise<void> {
  try {
    await run(args, running);
  } catch (error) {
    warn(error instanceof KernelError ? error.message : String(error instanceof Error ? error.stack : error));
    // By its name: rpc.ts, whose class it is, loads what a start does not need.
    process.exit(error instanceof OptionError ? 2 : error instanceof Error && error.name === "NoAnswerError" ? 3 : 1);
  }
}

async function run(args: readonly string[], running: () => void): Promise<void> {
  const [command, ...rest] = args;
  if (args.includes("--help") || args.includes("-h") || command === "help") say(await help(args));
  else if (command === "--version") say(version());
  else if (command === "start") {
    await startCommand(rest);
    running();
  } else if (command === "dev") await devCommand(rest);
  else if (command === "send") await (await import("./send.ts")).send(rest, process.env, output());
  else if (command === "install" || command === "remove" || command === "list")
    await (await import("./install.ts")).packages(command, rest, process.env, output(), canAsk() ? yesOrNo : null);
  else if (command === "new") output().print((await import("./new.ts")).newPackage(rest, process.cwd()));
  else if (command === "cluster")
    output().print(await (await import("./cluster.ts")).clusterCommand(rest, process.cwd()));
  else if (!(await controlled(command, rest))) {
    warn(
      command === undefined
        ? await help([])
        : `Cannot run "${command}" as there is no such command: try jackfield start, or jackfield --help`,
    );
    process.exitCode = 2;
  }
}

/** What a start does not need is loaded when it is asked for. @returns whether there is such a command */
async function controlled(command: string | undefined, args: readonly string[]): Promise<boolean> {
  const { CONTROL_COMMANDS, control } = await import("./control.ts");
  if (command === undefined || !Object.hasOwn(CONTROL_COMMANDS, command)) return false;
  await control(command, args, process.env, output());
  return true;
}

function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true;
}

async function yesOrNo(question: string): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await new Promise<string>((resolve) => {
    lines.once("close", () => resolve("")); // Ctrl-D, Ctrl-C
    void lines.question(question).then(resolve, () => undefined);
  });
  lines.close();
  return /^y(es)?$/i.test(answer.trim());
}

async function help(args: readonly string[]): Promise<string> {
  const { helpText, limitsText } = await import("./help.ts"); // only here: it knows every command, and a start needs one
  return args.includes("limits") ? limitsText() : helpText();
}

async function startCommand(args: readonly string[]): Promise<void> {
  const options = readOptions(args, process.env);
  await runNode(options, report, {}, (url, { installed }) => {
    if (installed.length > 0) return [`  installed     ${installed.join(", ")}`];
    return options.package.length === 0 ? [`  chat          ${url}chat:chat:template.os/`] : [];
  });
}

async function devCommand(args: readonly string[]): Promise<void> {
  const { Dev, readDevArgs } = await import("./dev.ts");
  const { SCRIPT_PATH } = await import("./dev-page.ts");
  const dev = readDevArgs(args);
  const options = readOptions(dev.rest, process.env);
  const packages = new Dev(dev, options, { say, warn });
  const parts = { packages: (node: Node) => packages.start(node), pageScript: SCRIPT_PATH };
  await runNode(options, packages.heard(report), parts, (url) => packages.lines(url));
}

/** @param more lines of the first words, for the node's URL */
async function runNode(
  options: StartOptions,
  listener: KernelListener,
  parts: StartParts,
  more: (url: string, started: Started) => readonly string[],
): Promise<void> {
  const started = await start(options, listener, parts);
  const { node, server, oneTimeLogin, skipped, services, link, directory, linking } = started;
  // Before the first line: who reads that the node runs may stop it.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // Not `once`: under npm, Ctrl-C arrives twice, and the second would end the node at once, undrained.
    process.on(signal, () => void node.stop().then(() => process.exit(0)));
  }
  for (const line of skipped) warn(line);
  const { tls } = server;
  if (tls !== undefined) process.on("SIGHUP", () => reload(server));
  const shown = (scheme: string, port: number): string => `${scheme}://${shownHost(options.host)}:${port}/`;
  const [url = "", ...mounted] = server.ports.map((port) => shown(tls === undefined ? "http" : "https", port));
  const words: string[] = [];
  const add = (line: string): unknown => words.push(line);
  add(`Jackfield node "${node.name}" runs on ${url}`);
  if (oneTimeLogin !== null) {
    const minutes = Math.floor(server.limits.loginLinkSeconds / 60);
    add(`\n  Open this link to log in and choose a password. It works once, within ${minutes} minutes:\n`);
    add(`    ${url.slice(0, -1)}${oneTimeLogin}\n`);
  } else add(`  log in with   ${options.password === null ? "your password" : "the password you gave"}`);
  for (const line of more(url, started)) add(line);
  for (const [index, at] of mounted.slice(0, options.mount.length).entries())
    add(`  mounted       ${at} is ${options.mount[index]?.split("=")[1]}`);
  for (const { name, label, port } of services)
    add(`  ${name.padEnd(12)}  ${shown(tls === undefined ? "http" : "https", port)} is ${label}`);
  for (const port of server.redirectPorts) add(`  redirect      ${shown("http", port)} to ${url}`);
  if (tls !== undefined) add(`  certificate   ${described(tls)}; read again on SIGHUP`);
  if (options["reuse-port"]) add(`  hand-over     ${handOverSays()}`);
  if (link !== null) add(`  link          ${link}`);
  if (directory !== null) add(`  directory     ${directory}`);
  add(`  transport     ${server.transportWhy}`);
  add(`  state         ${options.memory ? "in memory: gone when the node stops" : `in ${options.data}`}`);
  add("  stop          Ctrl-C");
  sayAtOnce(`${words.join("\n")}\n`);
  void linking?.then(
    (linked) => {
      say("The other node of this name has left the link");
      say(`  link          ${linked.link}`);
      say(`  directory     ${linked.directory}`);
    },
    (error) => {
      if (!node.kernel.stopping) warn(`NOT LINKED: ${error instanceof Error ? error.message : String(error)}`);
    },
  );
}

/** The first words, without process.stdout: to make that stream and write to it takes a start 1.3 ms of processor time. */
function sayAtOnce(text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  try {
    if (!hasSaid) written = writeSync(1, bytes); // otherwise something may wait in the stream
  } catch {
    // full, or closed: the stream knows what to do then
  }
  if (written < bytes.length) process.stdout.write(bytes.subarray(written));
}

/** Whether another node can take the ports over without a loss: Linux has that switched off (docs/adr/0009). */
function handOverSays(): string {
  const name = "net.ipv4.tcp_migrate_req";
  let value: string;
  try {
    value = readFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").trim();
  } catch {
    value = "not there (Linux 5.14 has it)";
  }
  if (value === "1") return "start another node with the same options, then stop this one";
  return `may reset a few connections as ${name} is ${value}: sysctl -w ${name}=1`;
}

/** New connections get what the TLS files hold now. */
function reload(server: HttpServer): void {
  try {
    const tls = server.reloadTls();
    say(tls === undefined ? "TLS: the files are as they were" : `TLS: new connections get ${described(tls)}`);
  } catch (error) {
    warn(`${error instanceof KernelError ? error.message : String(error)}. The certificate before it stays in use`);
  }
}

function described({ files, serial, until }: Tls): string {
  const end = until.toISOString().slice(0, 10);
  return `${files.cert}, serial ${serial}, ${until.getTime() < Date.now() ? "ENDED on" : "good until"} ${end}`;
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
    case "poison":
      return void warn(`${event.process} ${poisonText(event)}: mend its sender, or that handler`);
    case "process-overloaded":
      return void warn(
        `${event.process} is overloaded: ${event.waiting} messages wait, ${event.refused} were refused so far`,
      );
    case "log":
      return void say(`${event.process}: ${event.text}`);
    case "fault":
      if (event.error instanceof KernelError) return void warn(`${event.process}: ${event.error.message}`); // foreseen
      return void warn(
        `defect in ${event.process}: ${event.error instanceof Error ? event.error.stack : String(event.error)}`,
      );
    default:
      return undefined;
  }
}

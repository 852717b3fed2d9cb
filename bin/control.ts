/**
 * `jackfield ps`, `tree`, `caps`, `kill`, `restart`, `logs`, `dead-letters`, `crashes`, `link`, `nodes`: what a person asks of a running
 * node, each a command of kernel:distro:sys (contract kinode §3.5), sent by RPC as `jackfield send` does.
 *
 * 1. stdout has the answer and nothing else; `--json` prints what the kernel said of it, in one line.
 * 2. A process is asked for before it is acted on: the kernel answers nothing to a name that it does not know.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { KernelError, OptionError, ProcessId, textOf } from "../lib/protocol/index.ts";
import * as views from "./control-views.ts";
import { type Env, NODE_OPTIONS, type NodeAt, nodeAt, question } from "./rpc.ts";
import { harmless, type Output } from "./terminal.ts";

const KERNEL = "kernel:distro:sys";
const EXPECT_SECONDS = 15; // a restart waits for the message in hand and the farewell: limits.farewell, 5 s
const LINES = 1000; // of a log, in one answer: as many as the kernel gives
const FOLLOW_MS = 500; // between two looks of logs -f: soon enough for a person, and nothing for the node

type Fields = Readonly<Record<string, unknown>>;

/** What these commands take besides NODE_OPTIONS, for the help. */
export const CONTROL_OPTIONS: Readonly<Record<string, { readonly value: string; readonly help: string }>> = {
  json: { value: "", help: "prints JSON, in one line" },
  follow: { value: "", help: "logs: goes on with what is written from now on, until Ctrl-C; also -f" },
  process: { value: "PROCESS", help: "logs: of this process alone" },
};

type Command = {
  /** What it does, as an error says it: "Cannot list processes as …". */
  readonly act: string;
  /** One line for the help. */
  readonly help: string;
  readonly takesProcess?: boolean;
  readonly options?: readonly ("follow" | "process")[];
  run(asked: Asked): Promise<void>;
};

type Asked = {
  readonly node: NodeAt;
  readonly act: string;
  /** Its id; "" where the command takes none. */
  readonly process: string;
  readonly isJson: boolean;
  readonly isFollowing: boolean;
  readonly output: Output;
};

/** There is no such process. */
export class NoProcessError extends KernelError {
  override readonly name = "NoProcessError";
}

export const CONTROL_COMMANDS: Readonly<Record<string, Command>> = {
  ps: {
    act: "list processes",
    help: "the processes of a running node: where each stands, and what waits in its mailbox",
    run: async (asked) => show(asked, await debug(asked, "ProcessMap"), views.processes),
  },
  tree: {
    act: "list processes",
    help: "the same as a tree: who started whom",
    run: async (asked) => show(asked, await debug(asked, "Tree"), views.tree),
  },
  caps: {
    act: "list capabilities",
    help: "what a process may do: the capabilities it holds",
    takesProcess: true,
    run: async (asked) => {
      const found = await debug(asked, { Capabilities: asked.process });
      if (!isRecord(found)) throw noProcess(asked);
      show(asked, found, views.capabilities);
    },
  },
  kill: {
    act: "kill",
    help: "ends a process until the node starts again, whatever it does; its on_exit does not apply",
    takesProcess: true,
    run: async (asked) => {
      await findProcess(asked);
      await change(asked, { KillProcess: asked.process }, "KilledProcess", "killed");
    },
  },
  restart: {
    act: "restart",
    help: "ends a process's incarnation and starts the next: its state and its channels stay",
    takesProcess: true,
    run: async (asked) => {
      await findProcess(asked);
      await change(asked, { RestartProcess: asked.process }, "RestartedProcess", "restarted");
    },
  },
  logs: {
    act: "read logs",
    help: "what processes wrote with ctx.log",
    options: ["follow", "process"],
    run: logs,
  },
  "dead-letters": {
    act: "list dead letters",
    help: "messages that nobody took: how many, by reason, and the last ones",
    run: async (asked) => show(asked, await debug(asked, "DeadLetters"), views.deadLetters),
  },
  nodes: {
    act: "list nodes",
    help: "the nodes that are linked with this one: where they are, and when each was last heard",
    run: async (asked) => show(asked, await debug(asked, "Nodes"), views.nodes),
  },
  crashes: {
    act: "list crashes",
    help: "the last crashes, with the message in hand and the stack",
    run: async (asked) => show(asked, await debug(asked, "Crashes"), views.crashes),
  },
  link: {
    act: "show the link",
    help: "the link to other nodes: whether it is up, and what went to each node and came from it",
    run: async (asked) => {
      const found = await debug(asked, "Link");
      if (found === null && !asked.isJson) asked.output.print("this node has no link to others\n");
      else show(asked, found, views.link);
      if (asked.isJson) return;
      const durable = await debug(asked, "Durable").catch(() => null); // a node of an older version knows none
      if (durable !== null) show(asked, durable, views.durable);
    },
  },
};

/** @param args what stands behind `name` @throws {OptionError} @throws {SendRefusedError} @throws {NoAnswerError} @throws {NoProcessError} */
export async function control(name: string, args: readonly string[], env: Env, output: Output): Promise<void> {
  const command = CONTROL_COMMANDS[name];
  if (command === undefined) throw new Error(`no command ${name}`);
  const { values, positionals } = parse(name, command, args);
  const wanted = command.takesProcess === true ? 1 : 0;
  if (positionals.length !== wanted) {
    const usage = `jackfield ${name}${wanted === 1 ? " PROCESS" : ""}`;
    throw new OptionError(`Cannot ${command.act} as it must be ${usage}: got ${positionals.length} arguments`);
  }
  const process = positionals[0] ?? values.process;
  await command.run({
    node: nodeAt(values, env),
    act: command.act,
    process: process === undefined ? "" : processId(process),
    isJson: values.json === true,
    isFollowing: values.follow === true,
    output,
  });
}

type Values = {
  readonly "node-url"?: string;
  readonly token?: string;
  readonly json?: boolean;
  readonly follow?: boolean;
  readonly process?: string;
};

function parse(name: string, command: Command, args: readonly string[]): { values: Values; positionals: string[] } {
  const own = {
    follow: { type: "boolean", short: "f" },
    process: { type: "string" },
  } as const;
  const options = {
    ...Object.fromEntries(Object.keys(NODE_OPTIONS).map((option) => [option, { type: "string" } as const])),
    json: { type: "boolean" } as const,
    ...Object.fromEntries((command.options ?? []).map((option) => [option, own[option]])),
  };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (cause) {
    const why = `the command line of jackfield ${name} is not understood: ${textOf(cause)}. See jackfield --help`;
    throw new OptionError(`Cannot ${command.act} as ${why}`, { cause });
  }
}

function processId(text: string): string {
  try {
    return ProcessId.parse(text).text;
  } catch (cause) {
    throw new OptionError(`${textOf(cause)}: for example chat:chat:template.os`, { cause });
  }
}

async function ask({ node, act }: Asked, command: unknown): Promise<unknown> {
  const answer = await question(node, KERNEL, command, act, EXPECT_SECONDS);
  if (!isRecord(answer) || !("Err" in answer)) return answer;
  const { Err: code, message } = answer;
  const why =
    typeof message === "string" ? message : "its kernel does not know that command, it may be older than this";
  throw new KernelError(String(code), `Cannot ${act} as the node refuses: ${why}`);
}

/** @param query its name, or `{ name: argument }` @returns what the kernel says under that name */
async function debug(asked: Asked, query: string | Fields): Promise<unknown> {
  const answer = await ask(asked, { Debug: query });
  const name = typeof query === "string" ? query : (Object.keys(query)[0] ?? "");
  return isRecord(answer) && isRecord(answer.Debug) ? answer.Debug[name] : undefined;
}

async function findProcess(asked: Asked): Promise<void> {
  const found = await debug(asked, { Process: asked.process });
  // One that was given up is shown, and is gone.
  if (!isRecord(found) || found.state === "gave_up") throw noProcess(asked);
}

function noProcess({ act, process }: Asked): NoProcessError {
  const what = act.includes(" ") ? `${act} of` : act;
  const way = "jackfield ps lists those that there are";
  return new NoProcessError("no_process", `Cannot ${what} "${process}" as there is no such process: ${way}`);
}

async function change(asked: Asked, command: Fields, done: string, word: string): Promise<void> {
  const act = `${asked.act} "${asked.process}"`;
  const isOwn = /:distro:sys$/.test(asked.process);
  if (isOwn && asked.act === "kill")
    throw new KernelError("own_process", `Cannot ${act} as the node needs it: stop the node instead`);
  const answer = await ask({ ...asked, act }, command);
  if (!isRecord(answer) || !(done in answer))
    throw new KernelError("refused", `Cannot ${act} as the kernel says ${JSON.stringify(answer)}`);
  show(asked, answer, () => `${asked.process} is ${word}\n`);
}

/** Prints `data` as it is, or as `view` shows it. */
function show<T>({ isJson, output }: Asked, data: T, view: (data: NonNullable<T>, terminal: Output) => string): void {
  if (isJson || data === undefined || data === null) output.print(`${harmless(JSON.stringify(data ?? null))}\n`);
  else output.print(view(data, output));
}

async function logs(asked: Asked): Promise<void> {
  let since: number | undefined; // left out: the newest
  for (;;) {
    const query = {
      ...(since === undefined ? {} : { since }),
      ...(asked.process === "" ? {} : { process: asked.process }),
    };
    const found = views.readLogs(await debug(asked, { Logs: { ...query, limit: LINES } }));
    if (found.missed > 0) asked.output.warn(`${found.missed} lines are missing: the node keeps the last ones only`);
    for (const line of found.lines)
      asked.output.print(asked.isJson ? `${JSON.stringify(line)}\n` : views.logLine(line, asked.output));
    since = found.next;
    if (!asked.isFollowing) return;
    if (found.lines.length < LINES) await sleep(FOLLOW_MS);
  }
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

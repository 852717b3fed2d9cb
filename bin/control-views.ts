/**
 * What the kernel's answers look like to a person. Each view takes one answer and gives lines; it prints nothing.
 *
 * The answers come from another program, perhaps of another version: a field that is missing is shown as "-".
 */
import { type Cell, type Colour, clock, coloured, duration, inOneLine, type Terminal, table } from "./terminal.ts";

type Fields = Readonly<Record<string, unknown>>;

const COLOUR_OF: Readonly<Record<string, Colour>> = {
  running: "green",
  starting: "yellow",
  backoff: "red",
  held: "dim",
};
const DECISIONS: Readonly<Record<string, string>> = {
  restart: "restarted",
  end: "ended",
  give_up: "GIVEN UP",
  exiting: "it was on its way out",
};
const STACK_LINES = 6; // of a crash: enough to see which file; the rest is in --json

/** {"Debug":"ProcessMap"} */
export function processes(map: unknown, terminal: Terminal): string {
  const columns = [
    { head: "PROCESS" },
    { head: "STATE" },
    { head: "PLACEMENT" },
    { head: "RUN", isNumber: true },
    { head: "WAITING", isNumber: true },
    { head: "RESTARTS", isNumber: true },
    { head: "UP" },
  ];
  const rows = Object.entries(fields(map)).map(([id, value]) => {
    const process = fields(value);
    const state = textOf(process.state);
    const { waiting, capacity, uptime_ms } = process;
    return [
      inOneLine(id),
      colouredCell(state),
      placementOf(process.placement),
      textOf(process.incarnation),
      `${textOf(waiting)}/${textOf(capacity)}`,
      textOf(process.restarts),
      typeof uptime_ms === "number" ? duration(uptime_ms) : "-",
    ];
  });
  return table(columns, rows, terminal);
}

/** {"Debug":"Tree"}: the kernel's own process, and below each those that it started. */
export function tree(root: unknown, terminal: Terminal): string {
  const lines: string[] = [];
  const walk = (value: unknown, first: string, rest: string): void => {
    const process = fields(value);
    const state = textOf(process.state);
    const shown = state === "running" ? "" : `  ${coloured(state, COLOUR_OF[state], terminal)}`;
    lines.push(`${first}${inOneLine(textOf(process.process))}${shown}\n`);
    const children = list(process.children);
    for (const [index, child] of children.entries()) {
      const isLast = index === children.length - 1;
      walk(child, `${rest}${isLast ? "└── " : "├── "}`, `${rest}${isLast ? "    " : "│   "}`);
    }
  };
  walk(root, "", "");
  return lines.join("");
}

/** {"Debug":{"Capabilities":…}}: what it holds, and what it gave to others. */
export function capabilities(answer: unknown, terminal: Terminal): string {
  const { held, granted } = fields(answer);
  const parts = [
    ["HOLDS, ISSUED BY", list(held), "issuer"],
    ["GRANTED TO", list(granted), "to"],
  ] as const;
  const tables = parts.map(([head, items, who]) => {
    const rows = items.map((item) => [inOneLine(textOf(fields(item)[who])), allowed(fields(item).params)]);
    return rows.length === 0 ? "" : table([{ head }, { head: "CAPABILITY" }], rows, terminal);
  });
  return tables.filter((text) => text !== "").join("\n") || "none\n";
}

function allowed(params: unknown): string {
  const what = textOf(params);
  return what === '"messaging"' ? "messaging" : inOneLine(what);
}

/** {"Debug":"Link"} */
export function link(facts: unknown, terminal: Terminal): string {
  const { where, state, reconnects, peers } = fields(facts);
  const colour = state === "up" ? "green" : state === "waiting" ? "yellow" : "red";
  const how = coloured(textOf(state), colour, terminal);
  const head = `${inOneLine(textOf(where))} is ${how}, reconnected ${textOf(reconnects)} times\n`;
  const columns = [
    { head: "NODE" },
    { head: "SENT", isNumber: true },
    { head: "RECEIVED", isNumber: true },
    { head: "ASKED", isNumber: true },
    { head: "WAITING", isNumber: true },
    { head: "UNCONFIRMED", isNumber: true },
    { head: "LOST", isNumber: true },
    { head: "MISSED", isNumber: true },
    { head: "EXPIRED", isNumber: true },
    { head: "FAULTS", isNumber: true },
  ];
  const rows = list(peers).map((value) => {
    const peer = fields(value);
    const { node, sent, received, requests, waiting, unconfirmed, lost, missed, expired, faults } = peer;
    const numbers = [sent, received, requests, waiting, unconfirmed, lost, missed, expired, faults];
    return [inOneLine(textOf(node)), ...numbers.map(textOf)];
  });
  return rows.length === 0 ? `${head}no other node has been spoken to\n` : `${head}\n${table(columns, rows, terminal)}`;
}

/** {"Debug":"Durable"} */
export function durable(facts: unknown, terminal: Terminal): string {
  const { why, out, in: inbox } = fields(facts);
  const { waiting, sent, nodes } = fields(out);
  const { waiting: here, absent, received, repeated, handled, dropped } = fields(inbox);
  const all = `durable: ${textOf(sent)} sent, ${textOf(waiting)} wait to be; ${textOf(received)} received, ${textOf(repeated)} of them again, ${textOf(dropped)} dropped; ${textOf(handled)} handled, ${textOf(here)} wait here, ${textOf(absent)} for nobody that is there\n`;
  const held = list(nodes).flatMap((value) => {
    const { node, waiting: count, why: reason } = fields(value);
    return reason === null
      ? []
      : [`${textOf(count)} wait for ${inOneLine(textOf(node))}: ${inOneLine(textOf(reason))}\n`];
  });
  const off = why === null ? "" : `${coloured(inOneLine(textOf(why)), "red", terminal)}\n`;
  return `\n${all}${held.join("")}${off}`;
}

/** {"Debug":"DeadLetters"} */
export function deadLetters(letters: unknown, terminal: Terminal): string {
  const { counts, last } = fields(letters);
  const counted = Object.entries(fields(counts)).map(([reason, count]) => `${textOf(count)} ${reason}`);
  if (counted.length === 0) return "none\n";
  const rows = list(last).map((value) => {
    const { at, reason, source, target, kind, body } = fields(value);
    const what = `${textOf(kind)} ${JSON.stringify(body) ?? ""}`;
    return [time(at), textOf(reason), inOneLine(textOf(source)), inOneLine(textOf(target)), inOneLine(what)];
  });
  const columns = [{ head: "AT" }, { head: "WHY" }, { head: "FROM" }, { head: "TO" }, { head: "WHAT" }];
  // Their order: where it is too narrow the last columns go, and the first are what a person looks for.
  return `${counted.join(", ")}\n\n${table(columns, rows, terminal)}`;
}

/** {"Debug":"Nodes"}; the one that was asked has a star. */
export function nodes(all: unknown, terminal: Terminal): string {
  const columns = [{ head: "NODE" }, { head: "HEARD" }, { head: "UP" }, { head: "VERSION" }, { head: "ADDRESS" }];
  const rows = list(all).map((value) => {
    const { node, here, heard_ms, started, at, version, address } = fields(value);
    const since = typeof heard_ms === "number" ? heard_ms : 0; // `at` is when it wrote its record
    const up =
      typeof started === "number" && typeof at === "number" ? duration(Math.max(0, at - started) + since) : "-";
    const heard = typeof heard_ms === "number" ? `${duration(heard_ms)} ago` : "-";
    const name = inOneLine(textOf(node));
    return [here === true ? `${name} *` : name, heard, up, inOneLine(textOf(version)), inOneLine(textOf(address))];
  });
  return rows.length === 0 ? "none\n" : table(columns, rows, terminal);
}

/** {"Debug":"Crashes"}, oldest first. */
export function crashes(reports: unknown, terminal: Terminal): string {
  const all = list(reports).map((value) => {
    const { at, process, incarnation, error, stack, message, decision } = fields(value);
    const head = `${time(at)}  ${coloured(inOneLine(textOf(process)), "bold", terminal)}, run ${textOf(incarnation)}: ${DECISIONS[textOf(decision)] ?? textOf(decision)}`;
    const inHand =
      message === null || message === undefined
        ? "nothing in hand"
        : `in hand: ${textOf(fields(message).kind)} ${inOneLine(textOf(fields(message).action))} from ${inOneLine(textOf(fields(message).source))}`;
    const lines = (typeof stack === "string" ? stack : textOf(error)).split("\n");
    const shown = lines.slice(0, STACK_LINES + 1).map((line) => `  ${inOneLine(line)}\n`);
    const more = lines.length > shown.length ? `  … ${lines.length - shown.length} more lines with --json\n` : "";
    return `${head}\n  ${inHand}\n${shown.join("")}${more}`;
  });
  return all.length === 0 ? "none\n" : all.join("\n");
}

export type LogLine = {
  readonly at: number;
  readonly process: string;
  /** `log`: it wrote that; else the kernel says it. */
  readonly kind: string;
  readonly text: string;
};

/** {"Debug":{"Logs":…}}: `next` is what to ask from the next time; `missed`: lines before these that are kept no more. */
export function readLogs(value: unknown): { lines: readonly LogLine[]; next: number; missed: number } {
  const { lines, next, missed } = fields(value);
  return {
    lines: list(lines).map((line) => {
      const { at, process, kind, text } = fields(line);
      return { at: Number(at), process: textOf(process), kind: textOf(kind), text: textOf(text) };
    }),
    next: Number(next ?? 0),
    missed: Number(missed ?? 0),
  };
}

export function logLine({ at, process, kind, text }: LogLine, terminal: Terminal): string {
  const [first = "", ...rest] = text.split("\n").map(inOneLine);
  const says = kind === "log" ? "" : coloured(`${inOneLine(kind)}: `, kind === "restart" ? "yellow" : "red", terminal);
  const head = `${coloured(time(at), "dim", terminal)}  ${coloured(inOneLine(process), "bold", terminal)}  ${says}`;
  return `${[`${head}${first}`, ...rest.map((line) => `  ${line}`)].join("\n")}\n`;
}

function colouredCell(state: string): Cell {
  const colour = COLOUR_OF[state];
  return colour === undefined ? state : { text: state, colour };
}

function placementOf(value: unknown): string {
  const { worker } = fields(value);
  return typeof worker === "string" ? `worker ${inOneLine(worker)}` : textOf(value);
}

function time(at: unknown): string {
  return typeof at === "number" ? clock(at) : "-";
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "-";
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

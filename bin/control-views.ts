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
    const { waiting, capacity, uptime } = process;
    return [
      inOneLine(id),
      colouredCell(state),
      placementOf(process.placement),
      textOf(process.incarnation),
      `${textOf(waiting)}/${textOf(capacity)}`,
      textOf(process.restarts),
      typeof uptime === "number" ? duration(uptime) : "-",
    ];
  });
  return table(columns, rows, terminal);
}

/** {"Debug":"Tree"}: the processes that nobody started, each with its children. */
export function tree(roots: unknown, terminal: Terminal): string {
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
  for (const root of list(roots)) walk(root, "", "");
  return lines.join("");
}

/** A list of capabilities: who issued it, and what it allows. */
export function capabilities(held: unknown, terminal: Terminal): string {
  const rows = list(held).map((value) => {
    const { issuer, params } = fields(value);
    const what = textOf(params);
    return [inOneLine(textOf(issuer)), what === '"messaging"' ? "may message it" : inOneLine(what)];
  });
  return rows.length === 0 ? "none\n" : table([{ head: "ISSUER" }, { head: "CAPABILITY" }], rows, terminal);
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

/** {"Debug":"Crashes"}, oldest first. */
export function crashes(reports: unknown, terminal: Terminal): string {
  const all = list(reports).map((value) => {
    const { at, process, incarnation, error, stack, message } = fields(value);
    const head = `${time(at)}  ${coloured(inOneLine(textOf(process)), "bold", terminal)}, run ${textOf(incarnation)}`;
    const inHand =
      message === null || message === undefined
        ? "nothing in hand"
        : `in hand: ${textOf(fields(message).kind)} from ${inOneLine(textOf(fields(message).source))}`;
    const lines = (typeof stack === "string" ? stack : textOf(error)).split("\n");
    const shown = lines.slice(0, STACK_LINES + 1).map((line) => `  ${inOneLine(line)}\n`);
    const more = lines.length > shown.length ? `  … ${lines.length - shown.length} more lines with --json\n` : "";
    return `${head}\n  ${inHand}\n${shown.join("")}${more}`;
  });
  return all.length === 0 ? "none\n" : all.join("\n");
}

export type LogLine = { readonly at: number; readonly process: string; readonly text: string };

/** {"Debug":{"Logs":…}}: `next` is what to ask from the next time; `lost`: lines before these that are kept no more. */
export function readLogs(value: unknown): { lines: readonly LogLine[]; next: number; lost: number } {
  const { lines, next, lost } = fields(value);
  return {
    lines: list(lines).map((line) => {
      const { at, process, text } = fields(line);
      return { at: Number(at), process: textOf(process), text: textOf(text) };
    }),
    next: Number(next ?? 0),
    lost: Number(lost ?? 0),
  };
}

export function logLine({ at, process, text }: LogLine, terminal: Terminal): string {
  const [first = "", ...rest] = text.split("\n").map(inOneLine);
  const head = `${coloured(time(at), "dim", terminal)}  ${coloured(inOneLine(process), "bold", terminal)}  `;
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

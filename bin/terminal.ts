/**
 * Text for a terminal: columns that fit, colours only where a person sees them, and nothing that a terminal would obey.
 *
 * 1. Colours: on a terminal, unless NO_COLOR is set to anything (no-color.org) or TERM says that it is a dumb one.
 * 2. What a process wrote is shown with its control characters spelled out: it could command the operator's terminal.
 * 3. Programs get whole lines; only for a terminal is a line cut to its width.
 */
import type { Env } from "./rpc.ts";

export type Terminal = {
  /** Whether a person reads what is printed. */
  readonly isTerminal: boolean;
  readonly hasColours: boolean;
  /** Columns; undefined: as many as there are. */
  readonly width: number | undefined;
};

export type Output = Terminal & {
  print(data: string | Uint8Array): void;
  warn(line: string): void;
};

const WIDTH = 80; // columns of a terminal that does not say how many it has

export function terminalOf(stream: { readonly isTTY?: boolean; readonly columns?: number }, env: Env): Terminal {
  const isTerminal = stream.isTTY === true;
  const hasColours = isTerminal && (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
  const { columns = 0 } = stream; // 0: some do not say
  return { isTerminal, hasColours, width: isTerminal ? (columns > 0 ? columns : WIDTH) : undefined };
}

const CONTROL = /[^\P{Cc}\t\n]/gu;

/** `text` with what a terminal would take for commands spelled out. */
export function harmless(text: string): string {
  return text.replaceAll(CONTROL, spelled);
}

/** The same, in one line. */
export function inOneLine(text: string): string {
  // Also what turns the direction of the text around it, and other ways to end a line: it would look like another one.
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, (letter) =>
    letter === "\n" || letter === "\t" ? " " : spelled(letter),
  );
}

function spelled(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

const COLOURS = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33 } as const;
export type Colour = keyof typeof COLOURS;

export function coloured(text: string, colour: Colour | undefined, { hasColours }: Terminal): string {
  return colour === undefined || !hasColours ? text : `\u001b[${COLOURS[colour]}m${text}\u001b[0m`;
}

export type Column = { readonly head: string; readonly isNumber?: boolean };
export type Cell = string | { readonly text: string; readonly colour: Colour };

/** Rows below their heads. On a terminal the first column gives way when it is too narrow, then each line is cut. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], terminal: Terminal): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "string" ? { text: cell } : cell)));
  const widths = columns.map(({ head }, index) =>
    Math.max(head.length, ...cells.map((row) => row[index]?.text.length ?? 0)),
  );
  const all = widths.reduce((sum, width) => sum + width + GAP, -GAP);
  if (terminal.width !== undefined && all > terminal.width)
    widths[0] = Math.max(FIRST_MIN, (widths[0] ?? 0) - (all - terminal.width));
  const line = (row: readonly { readonly text: string; readonly colour?: Colour }[]): string => {
    const texts = columns.map(({ isNumber = false }, index) => {
      const width = widths[index] ?? 0;
      const text = cut(row[index]?.text ?? "", width);
      const isLast = index === columns.length - 1;
      const padded = isNumber ? text.padStart(width) : isLast ? text : text.padEnd(width);
      return { text: padded, colour: row[index]?.colour };
    });
    return joined(texts, terminal).trimEnd();
  };
  const heads = columns.map(({ head }) => ({ text: head, colour: "dim" as const }));
  return [heads, ...cells].map((row) => `${line(row)}\n`).join("");
}

const GAP = 2; // columns between two cells
const FIRST_MIN = 16; // columns: below that a name says nothing

function joined(
  cells: readonly { readonly text: string; readonly colour: Colour | undefined }[],
  terminal: Terminal,
): string {
  let left = terminal.width ?? Number.POSITIVE_INFINITY;
  const parts: string[] = [];
  for (const { text, colour } of cells) {
    if (left <= 0) break;
    const shown = cut(text, left);
    parts.push(coloured(shown, colour, terminal));
    left -= shown.length + GAP;
  }
  return parts.join(" ".repeat(GAP));
}

/** At most `width` columns, the last of them an ellipsis where something is missing. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** `3 d 4 h`, `12 s`: the two largest units. @param ms milliseconds */
export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(" ");
}

/** In this machine's time zone, to the second. @param at milliseconds since the Unix epoch */
export function clock(at: number): string {
  const date = new Date(at);
  const two = (number: number): string => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

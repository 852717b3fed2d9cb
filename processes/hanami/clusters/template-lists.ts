/**
 * T2, T2h and T3: lists of positions, inputs and outputs; line breaks mean nothing (contract hanami §8.1).
 *
 * 1. T2 gives sizes with its inputs and outputs, and so does T2h, which says hexagons for bricks. T3 gives none.
 * 2. Settings are there, with one entry at least. Positions are listed once, and every one that is used is listed.
 * 3. What T3 says of a port in parentheses is kept out of the network: its outputs are values from 0 to 1 in any case.
 */
import type { ClusterLimits } from "./limits.ts";
import { DEFAULT_SETTINGS, type Port, type Template } from "./template.ts";
import { attempt, TemplateReader } from "./template-reader.ts";
import type { TemplateFault, Token } from "./template-tokens.ts";

export type ListDialect = "T2" | "T2h" | "T3";

const RESERVED: ReadonlySet<string> = new Set([
  ...["version", "settings", "bricks", "hexagons", "axons", "inputs", "outputs", "target"],
  ...["true", "false", "True", "False"],
]);
const HINTS = { inputs: ["binary", "match"], outputs: ["bool", "int", "float"] } as const;

type Side = keyof typeof HINTS;
type Placed = Port & { readonly at: string };

export function parseLists(
  tokens: readonly Token[],
  dialect: ListDialect,
  limits: ClusterLimits,
): Template | TemplateFault {
  return attempt(() => {
    const reader = new TemplateReader(
      tokens.filter(({ kind }) => kind !== "break"),
      limits,
    );
    reader.version();
    const cellsHead = dialect === "T2" ? "bricks" : "hexagons";
    reader.expectHead("settings");
    let settings = DEFAULT_SETTINGS;
    do settings = reader.setting(settings, true);
    while (!reader.isHead(cellsHead) && reader.next.kind === "name");
    reader.expectHead(cellsHead);
    const cells = positions(reader);
    const axons = dialect === "T3" && reader.isHead("axons") ? axonsOf(reader, cells) : 0;
    const inputs = ports(reader, dialect, "inputs", cells);
    const outputs = ports(reader, dialect, "outputs", cells);
    if (!reader.isAtEnd()) reader.refuse("the template ends behind its outputs");
    const taken = new Set([...inputs, ...outputs].map(({ at }) => at));
    return {
      dialect,
      settings,
      cells: cells.size,
      axons,
      inputs: inputs.map(portOf),
      inner: [...cells].filter((cell) => !taken.has(cell)).map(() => limits.innerWidth),
      outputs: outputs.map(portOf),
    };
  });
}

function positions(reader: TemplateReader): Set<string> {
  const cells = new Set<string>();
  do {
    const token = reader.next;
    const position = reader.position();
    if (cells.has(position)) reader.refuse(`${position} is there twice`, token);
    cells.add(position);
  } while (reader.next.kind === "integer");
  return cells;
}

function axonsOf(reader: TemplateReader, cells: ReadonlySet<string>): number {
  reader.expectHead("axons");
  let axons = 0;
  while (reader.next.kind === "integer") {
    known(reader, cells);
    reader.expectText("->");
    known(reader, cells);
    axons += 1;
  }
  return axons;
}

function ports(reader: TemplateReader, dialect: ListDialect, side: Side, cells: ReadonlySet<string>): Placed[] {
  reader.expectHead(side);
  const found: Placed[] = [];
  do {
    const name = reader.name(RESERVED);
    reader.expectText(":");
    if (dialect === "T3") {
      found.push({ name, at: known(reader, cells), size: null });
      hint(reader, side);
      continue;
    }
    reader.expectHead("target");
    const at = known(reader, cells);
    reader.expectHead(side === "inputs" ? "number_of_inputs" : "number_of_outputs");
    found.push({ name, at, size: reader.size() });
  } while (reader.next.kind === "name" && !reader.isHead("outputs"));
  return found;
}

function hint(reader: TemplateReader, side: Side): void {
  if (reader.next.text !== "(") return;
  reader.take();
  const word = reader.take();
  if (!HINTS[side].some((hint) => hint === word.text))
    reader.refuse(`${HINTS[side].join(" or ")} is expected in parentheses, not "${word.text}"`, word);
  reader.expectText(")");
}

function known(reader: TemplateReader, cells: ReadonlySet<string>): string {
  const token = reader.next;
  const position = reader.position();
  if (!cells.has(position)) reader.refuse(`${position} is none of the positions listed above`, token);
  return position;
}

function portOf({ name, size }: Placed): Port {
  return { name, size };
}

/**
 * T1, the templates of Hanami 0.4: a brick is a position, and below it what it is. Line breaks count (contract hanami §8.1).
 *
 * 1. A brick's first line ends with a line break; the last one of the text may end with it.
 * 2. Duplicate positions and bricks that are nowhere connected are fine, as in the original.
 * 3. An input or output without `number_of_neurons` gets its size by the first vector; an inner brick, a fixed width.
 */
import type { ClusterLimits } from "./limits.ts";
import { DEFAULT_SETTINGS, type Port, type Template } from "./template.ts";
import { attempt, TemplateReader } from "./template-reader.ts";
import type { TemplateFault, Token } from "./template-tokens.ts";

const RESERVED: ReadonlySet<string> = new Set(["settings", "bricks", "true", "false", "True", "False"]);

type Brick = { readonly input: string | null; readonly output: string | null; readonly neurons: number | null };

export function parseT1(tokens: readonly Token[], limits: ClusterLimits): Template | TemplateFault {
  return attempt(() => {
    const reader = new TemplateReader(tokens, limits);
    reader.version();
    reader.expectBreaks();
    let settings = DEFAULT_SETTINGS;
    if (reader.isHead("settings")) {
      reader.expectHead("settings");
      reader.expectBreaks();
      do {
        settings = reader.setting(settings, false);
        reader.expectBreaks();
      } while (!reader.isHead("bricks") && reader.next.kind === "name");
    }
    reader.expectHead("bricks");
    reader.expectBreaks();
    const bricks: Brick[] = [];
    do bricks.push(brick(reader));
    while (!reader.isAtEnd());
    return templateOf(bricks, settings, limits);
  });
}

function brick(reader: TemplateReader): Brick {
  reader.position();
  reader.expectBreaks();
  let read: Brick = { input: null, output: null, neurons: null };
  let isFirst = true;
  do {
    read = item(reader, read);
    if (isFirst) reader.expectBreaks();
    else if (!reader.isAtEnd()) reader.expectBreaks();
    isFirst = false;
  } while (reader.next.kind === "name");
  return read;
}

function item(reader: TemplateReader, brick: Brick): Brick {
  const key = reader.expect("name", "input, output or number_of_neurons");
  reader.expectText(":");
  switch (key.text) {
    case "input":
      if (brick.output !== null) reader.refuse("a brick is an input or an output, not both", key);
      return { ...brick, input: reader.name(RESERVED) };
    case "output":
      if (brick.input !== null) reader.refuse("a brick is an input or an output, not both", key);
      return { ...brick, output: reader.name(RESERVED) };
    case "number_of_neurons":
      return { ...brick, neurons: reader.size() };
    default:
      return reader.refuse(`a brick has input, output and number_of_neurons, not "${key.text}"`, key);
  }
}

function templateOf(bricks: readonly Brick[], settings: Template["settings"], limits: ClusterLimits): Template {
  const ports = (side: "input" | "output"): Port[] =>
    bricks.flatMap((brick) => {
      const name = brick[side];
      return name === null ? [] : [{ name, size: brick.neurons }];
    });
  const inner = bricks.filter(({ input, output }) => input === null && output === null);
  return {
    dialect: "T1",
    settings,
    cells: bricks.length,
    axons: 0,
    inputs: ports("input"),
    inner: inner.map(({ neurons }) => neurons ?? limits.innerWidth),
    outputs: ports("output"),
  };
}

/**
 * Reads a template. Four dialects (contract hanami §8.1) are told apart by their words: T1 has bricks with everything below
 * their position, T2 lists of bricks, inputs and outputs, T2h hexagons for bricks, T3 hexagons without sizes.
 *
 * 1. Any text is a template or a fault with line and column; nothing throws.
 * 2. Where the original crashes or mixes things up, this refuses: a name given twice, a size below 1.
 */
import type { ClusterLimits } from "./limits.ts";
import { type Port, type Template, type TemplateDialect, weightsOf } from "./template.ts";
import { parseLists } from "./template-lists.ts";
import { parseT1 } from "./template-t1.ts";
import { readTokens, type TemplateFault, type Token } from "./template-tokens.ts";

export function parseTemplate(text: string, limits: ClusterLimits): Template | TemplateFault {
  if (text.length > limits.templateLength)
    return { line: 1, column: 1, why: `it has ${text.length} characters, at most ${limits.templateLength} are read` };
  const tokens = readTokens(text);
  if ("why" in tokens) return tokens;
  const dialect = dialectOf(tokens);
  const parsed = dialect === "T1" ? parseT1(tokens, limits) : parseLists(tokens, dialect, limits);
  return "why" in parsed ? parsed : withinLimits(parsed, limits);
}

export function isFault(parsed: Template | TemplateFault): parsed is TemplateFault {
  return "why" in parsed;
}

/** For people: `line 3, column 5: …`. */
export function faultText({ line, column, why }: TemplateFault): string {
  return `Cannot read the template at line ${line}, column ${column}: ${why}`;
}

/** By words that only one of them has, where they are followed by a colon: a brick may be called `target`. */
function dialectOf(tokens: readonly Token[]): TemplateDialect {
  const has = (word: string): boolean =>
    tokens.some(({ text }, index) => text === word && tokens[index + 1]?.text === ":");
  if (has("target")) return has("hexagons") ? "T2h" : "T2";
  return has("hexagons") ? "T3" : "T1";
}

function withinLimits(template: Template, limits: ClusterLimits): Template | TemplateFault {
  const fault = (why: string): TemplateFault => ({ line: 1, column: 1, why });
  const { cells, inputs, outputs, inner } = template;
  if (cells > limits.cells) return fault(`it has ${cells} positions, at most ${limits.cells} are taken`);
  for (const ports of [inputs, outputs]) {
    const seen = new Set<string>();
    for (const { name } of ports) {
      if (seen.has(name)) return fault(`"${name}" is there twice, each input and each output needs a name of its own`);
      seen.add(name);
    }
  }
  // Of what is known by now; where a size comes with the first vector it is looked at again.
  const sizes = [sum(inputs), ...inner, sum(outputs)];
  const wide = sizes.find((size) => size > limits.layerWidth);
  if (wide !== undefined) return fault(`a layer has ${wide} values, at most ${limits.layerWidth} are taken`);
  const weights = weightsOf(sizes);
  return weights > limits.weights
    ? fault(`its network would have ${weights} weights, at most ${limits.weights} are taken`)
    : template;
}

function sum(ports: readonly Port[]): number {
  return ports.reduce((total, { size }) => total + (size ?? 0), 0);
}

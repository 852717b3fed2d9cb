/**
 * Goes through the words of a template one by one; the parsers of its dialects share it.
 *
 * A word that does not fit throws a {@link Misfit}, which ends in the parser's own `attempt` and never leaves this folder.
 */
import type { ClusterLimits } from "./limits.ts";
import { DEFAULT_SETTINGS, type TemplateSettings } from "./template.ts";
import type { TemplateFault, Token, TokenKind } from "./template-tokens.ts";

/** Thrown and caught inside the parser: the first word that does not fit. */
class Misfit {
  readonly fault: TemplateFault;

  constructor(fault: TemplateFault) {
    this.fault = fault;
  }
}

/** Runs `parse`, and gives what did not fit as a value. */
export function attempt<Result>(parse: () => Result): Result | TemplateFault {
  try {
    return parse();
  } catch (thrown) {
    if (thrown instanceof Misfit) return thrown.fault;
    throw thrown;
  }
}

const KINDS: Readonly<Record<TokenKind, string>> = {
  name: "a name",
  integer: "an integer",
  decimal: "a decimal",
  mark: "a mark",
  break: "a line break",
  end: "the end",
};

const NAME_MAX = 254; // characters, of an input or output in T2 and later
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
]);

export class TemplateReader {
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  readonly #limits: ClusterLimits;
  #at = 0;

  constructor(tokens: readonly Token[], limits: ClusterLimits) {
    this.#limits = limits;
    this.#tokens = tokens;
    this.#end = tokens.at(-1) ?? { kind: "end", text: "", line: 1, column: 1 };
  }

  /** The word in hand; behind the last, the end. */
  get next(): Token {
    return this.#tokens[this.#at] ?? this.#end;
  }

  /** Whether the word in hand is `text`, and after it comes a colon. */
  isHead(text: string): boolean {
    return this.next.text === text && this.#tokens[this.#at + 1]?.text === ":";
  }

  isAtEnd(): boolean {
    return this.next.kind === "end";
  }

  take(): Token {
    const token = this.next;
    this.#at += 1;
    return token;
  }

  /** @throws {Misfit} always */
  refuse(why: string, token: Token = this.next): never {
    throw new Misfit({ line: token.line, column: token.column, why: cut(why) });
  }

  /** @throws {Misfit} */
  expect(kind: TokenKind, wanted: string = KINDS[kind]): Token {
    if (this.next.kind !== kind) this.refuse(`${wanted} is expected, not ${shown(this.next)}`);
    return this.take();
  }

  /** @throws {Misfit} */
  expectText(text: string): Token {
    if (this.next.text !== text) this.refuse(`"${text}" is expected, not ${shown(this.next)}`);
    return this.take();
  }

  /** `text:` @throws {Misfit} */
  expectHead(text: string): void {
    this.expectText(text);
    this.expectText(":");
  }

  /** One line break or more. @throws {Misfit} */
  expectBreaks(): void {
    this.expect("break");
    this.skipBreaks();
  }

  skipBreaks(): void {
    while (this.next.kind === "break") this.take();
  }

  /** `version: 1`, at the very beginning, with one blank at most. @throws {Misfit} */
  version(): void {
    const word = this.expectText("version");
    const colon = this.expectText(":");
    const number = this.expect("integer", "1");
    if (number.text !== "1") this.refuse(`version 1 is the only one, not ${number.text}`, number);
    const gap = number.column - colon.column - 1;
    if (number.line !== word.line || gap > 1 || colon.column !== word.column + word.text.length)
      this.refuse('the version is written "version: 1" or "version:1"', number);
  }

  /** `X,Y,Z` @returns its text, the same for the same place @throws {Misfit} */
  position(): string {
    const axis = (): number => this.#integer(this.expect("integer", "a position X,Y,Z"));
    const x = axis();
    this.expectText(",");
    const y = axis();
    this.expectText(",");
    return `${x},${y},${axis()}`;
  }

  /** How many neurons or values. @throws {Misfit} */
  size(): number {
    const token = this.expect("integer");
    const size = this.#integer(token);
    if (size < 1 || size > this.#limits.layerWidth)
      this.refuse(`a size is 1 to ${this.#limits.layerWidth}, not ${token.text}`, token);
    return size;
  }

  /** @throws {Misfit} */
  name(reserved: ReadonlySet<string>): string {
    const token = this.expect("name");
    if (reserved.has(token.text)) this.refuse(`"${token.text}" is a word of the template, take another name`, token);
    if (token.text.length > NAME_MAX) this.refuse(`a name has at most ${NAME_MAX} characters`, token);
    return token.text;
  }

  /** One `key: value` of the settings. @param strict as G2 and later check them @throws {Misfit} */
  setting(settings: TemplateSettings, strict: boolean): TemplateSettings {
    const key = this.expect("name", "a setting");
    this.expectText(":");
    const value = this.take();
    switch (key.text) {
      case "neuron_cooldown": {
        if (value.kind !== "integer" && value.kind !== "decimal") this.refuse(`${key.text} is a number`, value);
        const cooldown = Number(value.text);
        if (strict && cooldown <= 1) this.refuse(`${key.text} is more than 1, not ${value.text}`, value);
        return { ...settings, neuron_cooldown: cooldown };
      }
      case "max_connection_distance":
        return { ...settings, max_connection_distance: this.#whole(key, value, strict ? 1 : undefined) };
      case "refractory_time":
        return { ...settings, refractory_time: this.#whole(key, value, 1) };
      case "enable_reduction": {
        const flag = BOOLEANS.get(value.text);
        if (flag === undefined) this.refuse(`${key.text} is true or false, not ${shown(value)}`, value);
        return { ...settings, enable_reduction: flag };
      }
      default:
        return this.refuse(`there is no setting "${key.text}", only ${Object.keys(DEFAULT_SETTINGS).join(", ")}`, key);
    }
  }

  #whole(key: Token, value: Token, least: number | undefined): number {
    if (value.kind !== "integer") this.refuse(`${key.text} is an integer, not ${shown(value)}`, value);
    const number = this.#integer(value);
    if (least !== undefined && number < least)
      this.refuse(`${key.text} is at least ${least}, not ${value.text}`, value);
    return number;
  }

  #integer(token: Token): number {
    const number = Number(token.text);
    if (!Number.isSafeInteger(number)) this.refuse(`${token.text} is too large`, token);
    return number === 0 ? 0 : number; // not -0
  }
}

const WHY_MAX = 400; // characters: a name of 254 and what is wrong with it

function cut(why: string): string {
  return why.length > WHY_MAX ? `${why.slice(0, WHY_MAX)}…` : why;
}

function shown({ kind, text }: Token): string {
  return kind === "break" || kind === "end" ? KINDS[kind] : `"${text.slice(0, 40)}"`;
}

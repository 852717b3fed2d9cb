/** The command line of the profile: flags in, checked settings out. Every default stands here, with its reason. */
import { parseArgs } from "node:util";
import { OptionError } from "../../lib/protocol/index.ts";
import type { Work } from "../contenders/told.ts";
import type { ContenderName } from "../contenders.ts";
import { readNumber } from "../number-flag.ts";

/** Each looks at one run of its own, so that none is in the other's figures. */
export const PARTS = ["cpu", "allocations", "instructions"] as const;
export type Part = (typeof PARTS)[number];

const WORKS: readonly Work[] = ["echo", "json", "ask", "app"];

/** Those whose script needs no package of bench/peers/. */
const CONTENDERS = [
  "uwebsockets",
  "jackfield",
  "jackfield-worker",
  "ws",
  "jackfield-ws",
] as const satisfies readonly ContenderName[];

const NUMBERS = {
  seconds: { value: 4, min: 0.5, max: 600 }, // 16,000 samples
  bytes: { value: 64, min: 1, max: 16_384 }, // as in bench/echo
  top: { value: 20, min: 1, max: 1000 }, // one screen; in bench/echo no function below them had 1 % of anything
} as const;

/** What is looked into. */
export type Subject = {
  readonly contender: (typeof CONTENDERS)[number];
  readonly work: Work;
  /** Payload of a message. */
  readonly bytes: number;
};

export type ProfileSettings = {
  readonly parts: readonly Part[];
  readonly work: Work;
  readonly contenders: readonly Subject["contender"][];
  readonly bytes: number;
  /** How long the processor is watched; the other parts count messages, not time. */
  readonly seconds: number;
  /** Rows of a table. */
  readonly top: number;
  /** One line of JSON instead of tables. */
  readonly json: boolean;
};

/** @throws {OptionError} a part, flag or value is none that is known */
export function readProfileSettings(args: readonly string[]): ProfileSettings {
  const { values, positionals } = parse(args);
  return {
    parts: positionals.length === 0 ? PARTS : positionals.map((part) => oneOf("profile", part, PARTS)),
    work: oneOf("--work", values.work ?? "echo", WORKS),
    contenders: (values.contender ?? "uwebsockets,jackfield")
      .split(",")
      .map((name) => oneOf("--contender", name.trim(), CONTENDERS)),
    bytes: readNumber("bytes", NUMBERS.bytes, values.bytes, true),
    seconds: readNumber("seconds", NUMBERS.seconds, values.seconds, false),
    top: readNumber("top", NUMBERS.top, values.top, true),
    json: values.json ?? false,
  };
}

type Flags = {
  readonly work?: string;
  readonly contender?: string;
  readonly bytes?: string;
  readonly seconds?: string;
  readonly top?: string;
  readonly json?: boolean;
};

function parse(args: readonly string[]): { readonly values: Flags; readonly positionals: readonly string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        work: { type: "string" },
        contender: { type: "string" },
        bytes: { type: "string" },
        seconds: { type: "string" },
        top: { type: "string" },
        json: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function oneOf<Known extends string>(what: string, given: string, known: readonly Known[]): Known {
  const found = known.find((each) => each === given);
  if (found !== undefined) return found;
  throw new OptionError(`Cannot take "${given}" for ${what} as it must be one of those known: ${known.join(", ")}`);
}

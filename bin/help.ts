/** What `jackfield --help` says. */
import { HTTP_SERVER_LIMITS } from "../http-server/index.ts";
import { KERNEL_LIMITS } from "../kernel/index.ts";
import { OPTIONS } from "./options.ts";

const WIDTH = 28; // columns of the left side

export function helpText(): string {
  const rows = Object.entries(OPTIONS).map(
    ([name, { value, help }]) => `  ${`--${name} ${value}`.padEnd(WIDTH)}${help}`,
  );
  return `jackfield: named processes that own live browser connections

Usage
  jackfield start [options]     start a node; Ctrl-C stops it
  jackfield --help              this page
  jackfield --help limits       every limit, its default and its reason
  jackfield --version

Options of start
${rows.join("\n")}
  ${"--config FILE".padEnd(WIDTH)}options as JSON; left out: jackfield.config.json, if it is there

Every option may also stand in the environment (--allow-origin is JACKFIELD_ALLOW_ORIGIN) or in the config file
("allow-origin"). The first of these wins: flag, environment, config file, default.

Examples
  jackfield start                                     the examples on http://localhost:8080
  jackfield start --port 9090 --package ./my-app      your package on a port of your choice
  jackfield start --mount 9000=echo:echo:sys          echo alone on port 9000, its paths at /
`;
}

export function limitsText(): string {
  const rows = [...Object.entries(KERNEL_LIMITS), ...Object.entries(HTTP_SERVER_LIMITS)].map(
    ([name, { value, unit, min, max, why }]) =>
      `  ${name.padEnd(WIDTH)}${value} ${unit} (${min} to ${max})\n${" ".repeat(WIDTH + 2)}${why}`,
  );
  return `Limits: set one with --limit NAME=NUMBER\n\n${rows.join("\n")}\n`;
}

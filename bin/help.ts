/** What `jackfield --help` says. */
import { HTTP_SERVER_LIMITS } from "../http-server/index.ts";
import { KERNEL_LIMITS } from "../kernel/index.ts";
import { CLUSTER_OPTIONS } from "./cluster.ts";
import { CONTROL_COMMANDS, CONTROL_OPTIONS } from "./control.ts";
import { DEV_OPTIONS } from "./dev.ts";
import { INSTALL_OPTIONS } from "./install.ts";
import { NEW_OPTIONS } from "./new.ts";
import { OPTIONS } from "./options.ts";
import { NODE_OPTIONS } from "./rpc.ts";
import { SEND_OPTIONS } from "./send.ts";

const WIDTH = 28; // columns of the left side

export function helpText(): string {
  const row = ([name, { value, help }]: readonly [string, { readonly value: string; readonly help: string }]): string =>
    `  ${`--${name} ${value}`.trimEnd().padEnd(WIDTH)}${help}`;
  const rows = Object.entries(OPTIONS).map(row);
  const sendRows = Object.entries(SEND_OPTIONS).map(row);
  const controlUsage = Object.entries(CONTROL_COMMANDS).map(
    ([name, { help, takesProcess }]) =>
      `  ${`jackfield ${name}${takesProcess === true ? " PROCESS" : ""}`.padEnd(WIDTH + 2)}${help}`,
  );
  const newRows = Object.entries(NEW_OPTIONS).map(row);
  const devRows = Object.entries(DEV_OPTIONS).map(row);
  const installRows = Object.entries(INSTALL_OPTIONS).map(row);
  const clusterRows = Object.entries(CLUSTER_OPTIONS).map(row);
  const nodeRows = [...Object.entries(NODE_OPTIONS), ...Object.entries(CONTROL_OPTIONS)].map(row);
  return `jackfield: named processes that own live browser connections

Usage
  jackfield new NAME            make a package of your own: process, page and test, in a folder of that name
  jackfield dev [FOLDER…]       run packages while you work on them: each change begins anew, with state and channels
  jackfield start [options]     start a node; Ctrl-C stops it
  jackfield install FOLDER|TGZ  have a package for good: shows what it asks for, and wants a yes
  jackfield remove PACKAGE      the opposite: its processes end, its state stays
  jackfield list                the packages that are installed
  jackfield cluster init        write what NATS servers and nodes need to be linked; also add-node, remove-node NAME
  jackfield cluster set-up      make in the running servers what nodes may not: after init and after add-node
  jackfield send ADDRESS JSON   send a message to a process of a running node, and print its answer
${controlUsage.join("\n")}
  jackfield --help              this page
  jackfield --help limits       every limit, its default and its reason
  jackfield --version

Options of start
${rows.join("\n")}
  ${"--config FILE".padEnd(WIDTH)}options as JSON; left out: jackfield.config.json, if it is there

Every option may also stand in the environment (--allow-origin is JACKFIELD_ALLOW_ORIGIN) or in the config file
("allow-origin"). The first of these wins: flag, environment, config file, default.

Options of new
${newRows.join("\n")}

Options of dev, besides those of start
${devRows.join("\n")}

Options of install, remove and list, besides --node, --data and --config of start
${installRows.join("\n")}

Options of cluster
${clusterRows.join("\n")}

Options of all that ask a running node: send, ps, tree and the rest
${nodeRows.join("\n")}

Options of send
${sendRows.join("\n")}

Examples
  jackfield start                                     the examples on http://localhost:8080
  jackfield start --port 9090 --package ./my-app      your package on a port of your choice
  jackfield start --mount 9000=echo:echo:sys          echo alone on port 9000, its paths at /
  jackfield send kernel:distro:sys '{"Debug":"ProcessMap"}'    the kernel itself
  jackfield logs -f --process chat:chat:template.os   what it writes, as it writes it

Exit codes: 0 stopped as asked, or sent and answered; 1 could not start, or send; 2 not understood; 3 no answer came
`;
}

export function limitsText(): string {
  const rows = [...Object.entries(KERNEL_LIMITS), ...Object.entries(HTTP_SERVER_LIMITS)].map(
    ([name, { value, unit, min, max, why }]) =>
      `  ${name.padEnd(WIDTH)}${value} ${unit} (${min} to ${max})\n${" ".repeat(WIDTH + 2)}${why}`,
  );
  return `Limits: set one with --limit NAME=NUMBER\n\n${rows.join("\n")}\n`;
}

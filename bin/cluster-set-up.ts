/**
 * `jackfield cluster set-up`: with the administrator's key, from the cluster's own folder, so that the key stays there.
 *
 * What it makes, and that it can be run again at any time: kernel/link/nats-set-up.ts.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SetUpError, type SetUpFacts, setUpCluster } from "../kernel/index.ts";
import { textOf } from "../lib/protocol/index.ts";
import { type ClusterFacts, inUrl } from "./cluster-config.ts";

/** @param target the cluster's folder @returns what to tell @throws {SetUpError} (rejects) */
export async function setUpFolder(target: string, facts: ClusterFacts, removeLeft: boolean): Promise<string> {
  const servers = facts.servers.map(({ host, port }) => `nats://${inUrl(host)}:${port}`);
  const admin = join(target, "admin");
  const seed = readSeed(servers, join(admin, "store.seed"));
  const tls = { ca: join(admin, "ca.pem"), cert: join(admin, "node.pem"), key: join(admin, "node.key") };
  return told(await setUpCluster({ servers, seed, tls, nodes: Object.keys(facts.nodes), removeLeft }), removeLeft);
}

function readSeed(servers: readonly string[], file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    const rule = `the administrator's seed is missing or not readable: ${textOf(cause)}, run it where the cluster's folder is whole`;
    throw new SetUpError(servers.join(", "), rule, { cause });
  }
}

function told({ made, changed, left, copies, losing }: SetUpFacts, removeLeft: boolean): string {
  const where = copies === 1 ? "one server" : `${copies} servers`;
  const lines = [
    ...made.map((what) => `Made: ${what}, kept in ${where}.`),
    ...changed.map((what) => `Changed: ${what}, kept in ${where} now.`),
    ...left.map(
      ({ stream, messages }) =>
        `${removeLeft ? "Deleted" : "Left over"}: ${stream}, of a node that the cluster does not have, with ${messages} messages.`,
    ),
  ];
  if (made.length + changed.length === 0) lines.unshift("All was there.");
  if (left.length > 0 && !removeLeft) lines.push("To delete what is left over: jackfield cluster set-up --remove-left");
  if (losing !== null)
    lines.push(
      `Servers of nats-server ${losing} may lose what they acknowledged when one of them is killed: run 2.10.19 or later before people rely on it (docs/cluster.md, What NATS 2.9 loses).`,
    );
  return `${lines.join("\n")}\n`;
}

/** What a person is shown of a package before it is installed: what it may do, and what that changes. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ManifestEntry, type PackageManifest, readPackage } from "../kernel/index.ts";
import {
  type CapabilityRequest,
  canonicalAddress,
  isWholly,
  KERNEL,
  MESSAGING,
  PackageId,
} from "../lib/protocol/index.ts";
import type { Installed } from "./package-store.ts";
import { PACKAGES } from "./packages-process.ts";
import { inOneLine } from "./terminal.ts";

export type Described = {
  readonly id: string;
  readonly text: string;
  /** What npm has to bring, by name: not jackfield, nor what the package brought along. */
  readonly dependencies: readonly (readonly [name: string, range: string])[];
};

/** @param from what it was called by @param before the version that is installed @throws {InstallError} */
export function describePackage(
  manifest: PackageManifest,
  folder: string,
  from: string,
  before: Installed | undefined,
): Described {
  const id = new PackageId(manifest.name, manifest.publisher).text;
  const json = readJson(join(folder, "package.json"));
  const version = typeof json.version === "string" ? ` ${inOneLine(json.version)}` : "";
  const dependencies = dependenciesOf(json, folder);
  const old = before === undefined ? undefined : readOld(before.folder);
  const lines = [
    `${id}${version}, from ${from}`,
    before === undefined
      ? "  not installed yet"
      : `  replaces ${before.version === null ? "what was installed before" : inOneLine(before.version)}; keeps its state, and what it was given while it ran`,
    ...manifest.processes.flatMap((entry) => shown(entry, old)),
    ...(old ?? [])
      .filter(({ id: was }) => !manifest.processes.some((entry) => entry.id.text === was.text))
      .map(({ id: was }) => `  ends ${was.text}: it is no longer in it`),
    ...dependencies.map(
      ([name, range]) => `  needs ${inOneLine(name)} ${inOneLine(range)}, which npm brings; none of its scripts runs`,
    ),
    "  Capabilities bound what it does to other processes. Its code itself may do what the node's user may.",
  ];
  return { id, text: lines.join("\n"), dependencies };
}

function shown(entry: ManifestEntry, old: readonly ManifestEntry[] | undefined): readonly string[] {
  const was = old?.find((each) => each.id.text === entry.id.text);
  const isNew = (now: CapabilityRequest, then: readonly CapabilityRequest[] | undefined): string =>
    old === undefined || then?.some((each) => JSON.stringify(each) === JSON.stringify(now)) === true ? "" : "  NEW";
  const open = entry.public
    ? [`    public: every process may message it${old !== undefined && was?.public !== true ? "  NEW" : ""}`]
    : [];
  return [
    `  process ${entry.id.text}, ${placementOf(entry)}${old !== undefined && was === undefined ? "  NEW" : ""}`,
    ...open,
    ...entry.requestCapabilities.map((cap) => `    may ${words(cap)}${isNew(cap, was?.requestCapabilities)}`),
    ...entry.grantCapabilities.map((cap) => `    lets ${grantWords(cap)}${isNew(cap, was?.grantCapabilities)}`),
  ];
}

/** Whose messages are more than messages: who may send them rules the node. */
const RULERS: Readonly<Record<string, string>> = {
  [KERNEL.text]: "THE WHOLE NODE: it starts and ends processes, and gives any of them any capability",
  [PACKAGES]: "THE WHOLE NODE: it decides what code runs",
};

function words(request: CapabilityRequest): string {
  const { issuer, params, isMessaging } = meaning(request);
  const id = issuer.slice(issuer.indexOf("@") + 1);
  if (isMessaging) return `message ${inOneLine(issuer)}${id in RULERS ? `, ${RULERS[id]}` : ""}`;
  return `use ${inOneLine(params)} of ${inOneLine(issuer)}`;
}

function grantWords(grant: CapabilityRequest): string {
  const { issuer: holder, params, isMessaging } = meaning(grant);
  return isMessaging ? `${inOneLine(holder)} message it` : `${inOneLine(holder)} use ${inOneLine(params)} of it`;
}

/** As the kernel takes it, under today's names: there are several ways to write the same. */
function meaning(request: CapabilityRequest): { issuer: string; params: string; isMessaging: boolean } {
  const [process, params] =
    typeof request === "string" ? [request, MESSAGING] : [request.process, JSON.stringify(request.params)];
  const issuer = canonicalAddress(process.replace(/^our@/, ""));
  return { issuer, params, isMessaging: isWholly({ issuer, params }, MESSAGING) };
}

function readOld(folder: string): readonly ManifestEntry[] {
  try {
    return readPackage(folder).processes;
  } catch {
    return []; // damaged: everything of the new one is new
  }
}

function placementOf({ placement = "inline" }: ManifestEntry): string {
  const { worker } = Object(placement) as { worker?: unknown };
  return inOneLine(typeof placement === "string" ? placement : `worker ${String(worker)}`);
}

function dependenciesOf(
  json: Readonly<Record<string, unknown>>,
  folder: string,
): readonly (readonly [string, string])[] {
  return Object.entries(Object(json.dependencies) as Readonly<Record<string, unknown>>).flatMap(([name, range]) => {
    const isHere = existsSync(join(folder, "node_modules", ...name.split("/"), "package.json"));
    return name === "jackfield" || isHere ? [] : [[name, String(range)] as const];
  });
}

function readJson(file: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return {};
  }
}

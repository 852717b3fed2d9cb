/**
 * A cluster's network as a file: what it has learnt, and what must fit for another cluster to go on with it.
 *
 *   "JFCKPT1\n" · u32 length of the head · head, JSON · float32 weights and biases, layer by layer · SHA-256 of all before
 *
 * 1. Numbers are little-endian. The first line names the format and its version; another one is refused by that name.
 * 2. Names and sizes of the head must be those of the cluster; a size it does not know yet is fixed by the file.
 * 3. A damaged file is refused as a whole: the cluster stays as it is.
 */
import { createHash } from "node:crypto";
import type { Model, PortState } from "./model.ts";

/** Why a file is no checkpoint, or none for this cluster; a sentence. */
export type Misfit = { readonly misfit: string };

type SavedPort = { readonly name: string; readonly size: number; readonly scale: number };
type Head = {
  readonly inputs: readonly SavedPort[];
  readonly inner: readonly number[];
  readonly outputs: readonly SavedPort[];
};

const MAGIC = new TextEncoder().encode("JFCKPT1\n");
const DIGEST = 32; // bytes of a SHA-256
const HEAD_MAX = 4 * 1024 * 1024; // bytes: 1,000 names of 254 characters take a tenth

/** @returns undefined: there is nothing to save, as a size is not known yet */
export function writeCheckpoint(model: Model): Uint8Array | undefined {
  const network = model.build();
  if (typeof network === "string") return undefined;
  const port = ({ name, size, scale }: PortState): SavedPort => ({ name, size: size ?? 0, scale });
  const head: Head = { inputs: model.inputs.map(port), inner: model.template.inner, outputs: model.outputs.map(port) };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const start = MAGIC.length + 4 + text.length;
  const bytes = new Uint8Array(start + 4 * model.weights + DIGEST);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(MAGIC.length, text.length, true);
  bytes.set(text, MAGIC.length + 4);
  let at = start;
  for (const numbers of network.numbers()) {
    for (const value of numbers) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  bytes.set(digest(bytes.subarray(0, at)), at);
  return bytes;
}

/** Whether `bytes` is one that `model` can go on with; nothing changes. */
export function checkCheckpoint(model: Model, bytes: Uint8Array): Misfit | undefined {
  const read = readHead(bytes);
  return "misfit" in read ? read : fits(model, read.head);
}

/** Gives `model` what was learnt. @returns why not; then nothing has changed */
export function loadCheckpoint(model: Model, bytes: Uint8Array): Misfit | undefined {
  const read = readHead(bytes);
  if ("misfit" in read) return read;
  const { head, start } = read;
  const misfit = fits(model, head);
  if (misfit !== undefined) return misfit;
  const refusal = fixSizes(model, head);
  if (refusal !== undefined) return { misfit: refusal };
  const network = model.build();
  if (typeof network === "string") return { misfit: network };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  for (const numbers of network.numbers()) {
    for (let index = 0; index < numbers.length; index++) {
      numbers[index] = view.getFloat32(at, true);
      at += 4;
    }
  }
  for (const { name, scale } of head.inputs) {
    const port = model.port("input", name);
    if (port !== undefined) port.scale = scale;
  }
  return undefined;
}

/** All of them or none. */
function fixSizes(model: Model, head: Head): string | undefined {
  const undo = model.beforeFix();
  for (const side of ["input", "output"] as const) {
    for (const { name, size } of head[`${side}s`]) {
      const refusal = model.fix(side, name, size);
      if (refusal === undefined) continue;
      undo();
      return refusal;
    }
  }
  return undefined;
}

function readHead(bytes: Uint8Array): { readonly head: Head; readonly start: number } | Misfit {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < MAGIC.length + 4 + DIGEST || MAGIC.some((byte, at) => bytes[at] !== byte))
    return { misfit: "it is no checkpoint of format JFCKPT1" };
  const end = bytes.length - DIGEST;
  if (!Buffer.from(digest(bytes.subarray(0, end))).equals(bytes.subarray(end)))
    return { misfit: "it is damaged: its checksum does not match" };
  const length = view.getUint32(MAGIC.length, true);
  const start = MAGIC.length + 4 + length;
  if (length > HEAD_MAX || start > end) return { misfit: "it is damaged: its head is longer than the file" };
  const head = parseHead(bytes.subarray(MAGIC.length + 4, start));
  if (head === undefined) return { misfit: "it is damaged: its head is not readable" };
  const total = (ports: readonly SavedPort[]): number => ports.reduce((sum, { size }) => sum + size, 0);
  const sizes = [total(head.inputs), ...head.inner, total(head.outputs)];
  const weights = sizes.slice(1).reduce((sum, size, index) => sum + size * ((sizes[index] ?? 0) + 1), 0);
  if (end - start !== 4 * weights) return { misfit: "it is damaged: its weights are not as many as its head says" };
  return { head, start };
}

function parseHead(bytes: Uint8Array): Head | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value !== "object" || value === null) return undefined;
    const { inputs, inner, outputs } = value as Readonly<Record<string, unknown>>;
    const isPorts = (ports: unknown): ports is readonly SavedPort[] => Array.isArray(ports) && ports.every(isPort);
    const isWidths = Array.isArray(inner) && inner.every((width) => Number.isSafeInteger(width) && width > 0);
    return isPorts(inputs) && isWidths && isPorts(outputs) ? { inputs, inner, outputs } : undefined;
  } catch {
    return undefined;
  }
}

function isPort(value: unknown): value is SavedPort {
  if (typeof value !== "object" || value === null) return false;
  const { name, size, scale } = value as Readonly<Record<string, unknown>>;
  return typeof name === "string" && Number.isSafeInteger(size) && Number(size) > 0 && Number.isFinite(scale);
}

function fits(model: Model, head: Head): Misfit | undefined {
  const { inner } = model.template;
  if (inner.length !== head.inner.length || inner.some((width, index) => head.inner[index] !== width))
    return { misfit: `it has inner layers of ${list(head.inner)}, the cluster of ${list(inner)}` };
  for (const side of ["inputs", "outputs"] as const) {
    const saved = head[side];
    const ports = model[side];
    const same = saved.length === ports.length && saved.every(({ name }, index) => ports[index]?.name === name);
    if (!same) return { misfit: `it has the ${side} ${names(saved)}, the cluster has ${names(ports)}` };
    const other = saved.find(({ size }, index) => (ports[index]?.size ?? size) !== size);
    if (other !== undefined) return { misfit: `its "${other.name}" has ${other.size} values, the cluster's has not` };
  }
  return undefined;
}

function list(widths: readonly number[]): string {
  return widths.join(", ") || "none";
}

function names(ports: readonly { readonly name: string }[]): string {
  return ports.map(({ name }) => `"${name}"`).join(", ") || "none";
}

function digest(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

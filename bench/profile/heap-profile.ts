/** Two heap profiles of V8 in which every object is: what each message of the difference made, and where. */
import { placeOf } from "./place.ts";

export type Made = {
  /** The function with its place. What V8 inlined counts for the function that it was inlined into. */
  readonly name: string;
  /** Of one object. */
  readonly bytes: number;
  /** Objects of that size, per message. */
  readonly objects: number;
};

/** What V8 says, as far as it is read: @types/node leaves out half of it. */
export type HeapProfile = {
  readonly head: HeapProfileNode;
  /** One of each object. */
  readonly samples: readonly { readonly nodeId: number; readonly size: number }[];
};

type HeapProfileNode = {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children: readonly HeapProfileNode[];
};

export type Sampled = { readonly profile: HeapProfile; readonly messages: number };

const NATIVE = new Set(["(root)", "(V8 API)"]);
const OUTSIDE = "(native code)"; // which handed it to JavaScript

/**
 * @param short what both did besides messages cancels out, if it did the same with fewer of them
 * @param root as placeOf
 * @returns what makes up most bytes first
 */
export function madePerMessage(short: Sampled, long: Sampled, root: string): Made[] {
  const before = countObjects(short.profile, root);
  const messages = long.messages - short.messages;
  return [...countObjects(long.profile, root)]
    .map(([key, { name, bytes, objects }]) => ({
      name,
      bytes,
      objects: (objects - (before.get(key)?.objects ?? 0)) / messages,
    }))
    .sort((a, b) => b.objects * b.bytes - a.objects * a.bytes);
}

function countObjects({ head, samples }: HeapProfile, root: string): Map<string, Made> {
  const names = new Map<number, string>();
  const name = ({ id, callFrame, children }: HeapProfileNode): void => {
    const { functionName, url, lineNumber } = callFrame;
    names.set(id, NATIVE.has(functionName) ? OUTSIDE : placeOf(functionName, url, lineNumber + 1, root)); // it counts from 0
    for (const child of children) name(child);
  };
  name(head);
  const counted = new Map<string, { name: string; bytes: number; objects: number }>();
  for (const { nodeId, size } of samples) {
    const place = names.get(nodeId) ?? OUTSIDE;
    const key = `${size} ${place}`;
    const known = counted.get(key);
    if (known === undefined) counted.set(key, { name: place, bytes: size, objects: 1 });
    else known.objects += 1;
  }
  return counted;
}

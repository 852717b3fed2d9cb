/** `on_exit`, and what a spawn is told, as values: blobs in them as bytes with their MIME type. */
import { Blob, type OnExit, type OnExitRequest, type SpawnOptions } from "../../lib/protocol/index.ts";

type PackedRequest = Omit<OnExitRequest, "blob"> & {
  readonly blob: { readonly bytes: Uint8Array; readonly mime: string | null } | null;
};

export function packOnExit(onExit: OnExit): unknown {
  if (typeof onExit === "string") return onExit;
  return {
    Requests: onExit.Requests.map(({ target, body, blob = null, metadata = null }) => ({
      target,
      body,
      metadata,
      blob: blob === null ? null : { bytes: blob.bytes(), mime: blob.mime },
    })),
  };
}

/** @param packed as `packOnExit` made it; a realm that made up another is told so by a TypeError */
export function unpackOnExit(packed: unknown): OnExit {
  if (packed === "None" || packed === "Restart") return packed;
  const { Requests } = packed as { readonly Requests: readonly PackedRequest[] };
  return {
    Requests: Requests.map(({ target, body, blob, metadata }) => ({
      target,
      body,
      metadata: metadata ?? null,
      blob: blob === null ? null : Blob.of(new Uint8Array(blob.bytes), blob.mime),
    })),
  };
}

export function packSpawn({ onExit, ...options }: SpawnOptions): unknown {
  return { ...options, ...(onExit === undefined ? {} : { onExit: packOnExit(onExit) }) };
}

export function unpackSpawn(packed: unknown): SpawnOptions {
  const { onExit, ...options } = packed as SpawnOptions;
  return { ...options, ...(onExit === undefined ? {} : { onExit: unpackOnExit(onExit) }) };
}

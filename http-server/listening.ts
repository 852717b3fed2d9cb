/** Where the server listens: the main port serves every process under its id, a mounted one serves one process at `/`. */
import { OptionError, ProcessId, textOf } from "../lib/protocol/index.ts";

export type ListenerOptions = {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Tried one after the other up to here when `port` is taken; default: only `port`. */
  readonly lastPort?: number;
  /** The process whose paths stand at `/`; left out on the main listener. */
  readonly mount?: ProcessId;
};

/** The path under which bindings are looked up. */
export function routePath(path: string, mount: string | null): string {
  return mount === null ? path : `/${mount}${path}`;
}

/** `9000=labgraph:labgraph:sys` @throws {OptionError} */
export function parseMount(text: string, host: string): ListenerOptions {
  const [, port, id] = /^(\d+)=([^=]+)$/.exec(text) ?? [];
  try {
    if (id !== undefined && Number(port) <= 65_535) return { host, port: Number(port), mount: ProcessId.parse(id) };
  } catch (cause) {
    throw new OptionError(`Cannot mount "${text}" as ${textOf(cause)}`, { cause });
  }
  throw new OptionError(
    `Cannot mount "${text}" as it must be PORT=process:package:publisher: for example 9000=echo:echo:sys`,
  );
}

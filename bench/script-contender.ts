/** Contenders that are a script each, of this folder or of peers/, and none of a server's (bench/request, bench/processes). */
import { peerScript } from "./install-peers.ts";

export type ScriptContender = {
  readonly name: string;
  readonly script: URL;
  /** Its script is one of bench/peers/ and must be prepared first (install-peers.ts). */
  readonly isPeer: boolean;
  /** Its first argument, for a script with more than one way. */
  readonly way: string;
};

type Make = (name: string, script: string, way: string) => ScriptContender;

/** @param bench what their files begin with: `request-plain.ts` */
export function scriptsOf(bench: string): { readonly own: Make; readonly peer: Make } {
  return {
    own: (name, script, way) => ({
      name,
      script: new URL(`./contenders/${bench}-${script}.js`, import.meta.url), // .js: the bench runs from dist/
      isPeer: false,
      way,
    }),
    peer: (name, script, way) => ({ name, script: peerScript(`${bench}-${script}`), isPeer: true, way }),
  };
}

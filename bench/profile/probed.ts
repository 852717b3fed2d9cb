/** What loads the probe (probe.ts) into a server: arguments of Node.js, before the server's script. */
export const PROBED: readonly string[] = ["--import", new URL("./probe.js", import.meta.url).href]; // .js: the bench runs from dist/

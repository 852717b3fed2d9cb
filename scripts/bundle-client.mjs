/** Makes the one file that nodes serve at `/client.js`, so that a plain page needs no bundler. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const entry = fileURLToPath(new URL("../lib/client/index.ts", import.meta.url));

/**
 * Bundles lib/client, minified. Prints nothing; rejects with esbuild's errors.
 * @param {{ outfile: string }} options
 */
export async function bundleClient({ outfile }) {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser", // a Node built-in in lib/client is then an error
    target: "es2020",
    tsconfigRaw: {}, // the result depends on the sources alone
    charset: "utf8",
    logLevel: "silent",
  });
}

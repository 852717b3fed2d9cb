/** Checks the types of bench/peers, a package of its own, where it is installed (`npm run bench` does that). */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const peers = join(root, "bench/peers");

if (existsSync(join(peers, "node_modules"))) {
  try {
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", peers], { stdio: "inherit" });
  } catch {
    process.exitCode = 1; // the compiler has said why
  }
} else {
  process.stderr.write("bench/peers is not installed: its types are left unchecked\n");
}

/** Where Jackfield itself is installed: its sources and what is built of them lie at different depths. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

let root = dirname(fileURLToPath(import.meta.url));
while (!existsSync(join(root, "http-server/pages")) && dirname(root) !== root) root = dirname(root);

/** @param file with "/", from there: a file of this repository that is in package.json's "files", or one of dist/ */
export function fromPackageRoot(file: string): string {
  return join(root, file);
}

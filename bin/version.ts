/** Which Jackfield this is. */
import { existsSync, readFileSync } from "node:fs";

/** From its sources package.json is one folder up; in dist everything is one script, a folder deeper. */
export function version(): string {
  const file = ["../package.json", "../../package.json"]
    .map((path) => new URL(path, import.meta.url))
    .find((url) => existsSync(url));
  if (file === undefined) throw new Error("package.json is missing: install jackfield anew");
  const text = readFileSync(file, "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

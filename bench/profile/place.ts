/** How a function is told to people: its name, and where the code that runs is, seen from the project's folder. */
import { pathToFileURL } from "node:url";

const NEAR = 3; // last parts of the path of a file that is not the project's: enough to know it by

/**
 * @param url of its file, or the file's path; empty for what is native
 * @param line counted from 1
 * @param root the project's folder as a URL that ends in a slash
 */
export function placeOf(name: string, url: string, line: number, root: string): string {
  const own = name === "" ? "(anonymous)" : name;
  if (url === "") return own; // native
  const href = url.startsWith("/") ? pathToFileURL(url).href : url; // CommonJS modules are known by their path
  if (href.startsWith(root)) return `${own} ${href.slice(root.length)}:${line}`;
  return `${own} ${href.startsWith("file:") ? href.split("/").slice(-NEAR).join("/") : href}:${line}`;
}

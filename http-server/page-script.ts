/** A script that is added to each page a process binds: how `jackfield dev` gets pages to load themselves anew. */
import { Blob } from "../lib/protocol/index.ts";

/** @param path of the script, on the same origin: a page that lets in its own scripts alone lets in this one; null: none */
export function withScript(content: Blob, path: string | null): Blob {
  if (path === null || !/^text\/html\b/i.test(content.mime ?? "")) return content;
  // At the end: HTML has it run there too, and nothing before it moves.
  return Blob.of(Buffer.concat([content.bytes(), Buffer.from(`\n<script src="${path}"></script>\n`)]), content.mime);
}

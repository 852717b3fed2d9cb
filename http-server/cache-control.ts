/** Who may keep an answer: what is for one login must not lie in a cache that others are served from (RFC 9111 §5.2.2). */
import type { HeaderList } from "./transport/transport.ts";

/** `control`, without what lets a shared cache keep the answer. */
export function privately(control: string): string {
  const directives = control.split(",").map((directive) => directive.trim());
  if (directives.some((directive) => /^(private|no-store)$/i.test(directive))) return control;
  return ["private", ...directives.filter((directive) => !/^(public|s-maxage=.*)$/i.test(directive))].join(", ");
}

/** A process's headers with the server's `own`, which are cookies of a login: so the answer is private then, whatever the process says. */
export function withOwn(headers: HeaderList, own: HeaderList): HeaderList {
  if (own.length === 0) return headers;
  const isControl = ([name]: HeaderList[number]): boolean => name.toLowerCase() === "cache-control";
  const controls = headers.filter(isControl).map(([, value]) => value);
  const control = controls.length === 0 ? "private" : privately(controls.join(", "));
  return [...headers.filter((header) => !isControl(header)), ["cache-control", control], ...own];
}

/** What starts.ts and ask.ts read off texts. */

/** Time on a processor. @param schedstats /proc/<pid>/task/<tid>/schedstat of each thread: its first number is that */
export function nanoseconds(schedstats: readonly string[]): number {
  return schedstats.reduce((sum, text) => sum + Number(text.split(" ", 1)[0]), 0);
}

/** @param head the first bytes of an answer @throws {Error} it is no HTTP */
export function statusOf(head: string): number {
  const [, status] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? [];
  if (status === undefined)
    throw new Error(`Cannot read a status as an answer starts with HTTP/1.1: got ${head.slice(0, 40)}`);
  return Number(status);
}

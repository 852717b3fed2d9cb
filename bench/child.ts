/** A child process of the bench that answers in JSON lines, and its end. */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

const STOP_MS = 3000; // a node drains first; nothing here is worth more

/**
 * The first line that `child` prints, parsed.
 * @throws {Error} it ended, or `timeoutMs` passed, before it printed one; stderr has said why
 */
export async function firstLine(child: ChildProcess, what: string, timeoutMs: number): Promise<unknown> {
  const { stdout } = child;
  if (stdout === null) throw new Error(`Cannot hear ${what} as its stdout must be a pipe`);
  const lines = createInterface({ input: stdout });
  let forget = (): void => {};
  try {
    const line = await new Promise<string>((resolve, reject) => {
      const onClose = (code: number | null, signal: NodeJS.Signals | null): void => {
        reject(new Error(`Cannot go on as ${what} ended without an answer: ${signal ?? `exit code ${code}`}`));
      };
      const timer = setTimeout(() => {
        reject(new Error(`Cannot go on as ${what} must answer within ${timeoutMs} ms`));
      }, timeoutMs);
      forget = () => {
        clearTimeout(timer);
        child.off("error", reject);
        child.off("close", onClose);
      };
      lines.once("line", resolve);
      child.once("error", reject);
      child.once("close", onClose);
    });
    return JSON.parse(line);
  } finally {
    forget(); // a child may be asked many times
    lines.close();
    stdout.resume(); // whatever else it prints must not block it
  }
}

/** Resolves once `child` is gone: asked first, made to after STOP_MS. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(timer);
}

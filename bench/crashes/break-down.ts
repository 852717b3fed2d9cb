/** How a process of the soak breaks by itself when it is told to. */
import type { Context } from "../../lib/process/index.ts";

export type OwnCrash = "throw" | "reject" | "timer" | "exit" | "next" | PlacedCrash;

/** What would take an inline process's node along. */
export type PlacedCrash = "block" | "quit" | "memory";

export function breakDown<State>(crash: OwnCrash, ctx: Context<State>): undefined | Promise<undefined> {
  switch (crash) {
    case "throw":
      throw new Error("soak: thrown");
    case "reject":
      return Promise.reject(new Error("soak: rejected"));
    case "timer":
      ctx.after(1, () => {
        throw new Error("soak: thrown by a timer");
      });
      return undefined;
    case "exit":
      ctx.exit();
      return undefined;
    case "next":
      return undefined;
    case "block":
      for (;;);
    case "quit":
      process.exit(1);
      return undefined;
    case "memory": {
      const all = new Map<number, string[]>();
      for (let n = 0; ; n++) all.set(n, [`${n}`]);
    }
  }
}

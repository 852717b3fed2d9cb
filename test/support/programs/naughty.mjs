/** Does what no process should, when asked to; otherwise answers with how many requests it has handled. */
import { execSync } from "node:child_process";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { defineProcess } from "jackfield/process";

const MIB = 1024 * 1024;

const TRICKS = {
  Loop() {
    for (;;);
  },
  Throw() {
    throw new TypeError("it was thrown on purpose");
  },
  /** Without a handler on the stack. */
  ThrowLater: () =>
    sleep(1)
      .then(() => setImmediate(TRICKS.Throw))
      .then(() => sleep(10_000)),
  Reject: () => sleep(1).then(TRICKS.Throw),
  /** The thread itself waits, until there is such a file. */
  Exec: (file) => execSync(`until [ -e "${file}" ]; do sleep 0.05; done`),
  Exit: (code) => process.exit(code),
  Kill: () => process.kill(process.pid, "SIGKILL"),
  Map() {
    const map = new Map();
    for (let i = 0; ; i++) map.set(i, { i });
  },
  Parse: () => JSON.parse(`[${"0.5,".repeat(64 * MIB)}1]`),
  async Buffers() {
    const kept = [];
    for (;;) {
      kept.push(Buffer.alloc(8 * MIB, 1));
      await sleep(5);
    }
  },
  Wait: (ms) => sleep(ms),
  Print: (text) => void process.stdout.write(text),
  Flood(lines, ctx) {
    for (let i = 0; i < lines; i++) ctx.log(`${i} ${"x".repeat(100)}`);
  },
  Leave: (_, ctx) => ctx.exit(),
  Stuck: (_, ctx) => void ctx.after(0, TRICKS.Loop),
};

export default defineProcess({
  init: () => ({ handled: 0 }),
  async onRequest(state, { body }, ctx) {
    const [name, argument] = typeof body === "object" ? Object.entries(body)[0] : [body];
    await TRICKS[name]?.(argument, ctx);
    if (name === "Ask") ctx.respond(await kindOf(ctx.request(argument).sendAndAwaitResponse()));
    else if (name === "Pid") ctx.respond(process.pid);
    else if (name === "Env") ctx.respond({ ...process.env });
    else if (name === "Loaded") ctx.respond(loaded());
    else if (ctx.asked) ctx.respond(state.handled + 1);
    return { handled: state.handled + 1 };
  },
});

/** How a request ended. */
const kindOf = (asked) =>
  asked.then(
    () => "Response",
    ({ kind }) => kind,
  );

/** Native add-ons, and the modules among what is loaded, that no realm should have. */
function loaded() {
  const { sharedObjects } = process.report.getReport();
  return {
    addons: sharedObjects.filter((file) => file.endsWith(".node")),
    modules: Object.keys(createRequire(import.meta.url).cache).filter((file) => !file.endsWith("core.cjs")),
  };
}

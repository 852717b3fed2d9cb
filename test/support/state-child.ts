/**
 * A kernel with state on disk that is killed at any moment: run by state-kills.mjs.
 *
 *   node state-child.cjs FOLDER [FIRST OPERATION OF EACH WRITER…]
 *
 * Says on stdout first what it found (`found 0 17`: writer 0's state is that after operation 17; `none`, `torn`), then
 * `ack 0 18` as each operation is answered, with no buffer in between: what was said was so.
 */
import { writeSync } from "node:fs";
import { capabilityStore } from "../../bin/capability-store.ts";
import { createNode } from "../../kernel/index.ts";
import { type Capability, type Context, defineProcess, ProcessId } from "../../lib/process/index.ts";
import { stateProcess } from "../../processes/state/state.ts";
import { diskStore } from "../../processes/state/store.ts";

const [folder = "", ...starts] = process.argv.slice(2);
const HOLDER = "holder:w:template.os";

const say = (...words: readonly unknown[]): void => void writeSync(1, `${words.join(" ")}\n`);

type Kept = { readonly operation: number; readonly bytes: Uint8Array };

/** 1 byte to 3 MB: most are small, as they are in life, and one in 23 is large. */
export function bytesOf(writer: number, operation: number): Uint8Array {
  const random = Math.imul(operation * 31 + writer + 1, 2654435761) >>> 0;
  const size = operation % 23 === 0 ? 1_000_000 + (random % 2_000_000) : 1 + (random % 3000);
  return new Uint8Array(size).fill((operation + writer) % 251);
}

function isWhole(kept: Kept, writer: number): boolean {
  const expected = bytesOf(writer, kept.operation);
  return kept.bytes.length === expected.length && kept.bytes.every((byte, at) => byte === expected[at]);
}

/** Every seventh operation clears. */
async function operate(ctx: Context, writer: number, operation: number): Promise<void> {
  if (operation % 7 === 0) await ctx.clearState();
  else await ctx.setState({ operation, bytes: bytesOf(writer, operation) });
}

const store = diskStore(folder);
const node = createNode({ name: "alice.os", capabilityStore: capabilityStore(store) });
node.addSystemProcess({
  id: ProcessId.parse("state:distro:sys"),
  program: stateProcess(store),
  public: true,
  trusted: true,
});

const holder = node.addProcess(ProcessId.parse(HOLDER), defineProcess({}), { public: true });
const isIssued = (cap: Capability): boolean => cap.params !== '"messaging"';
say(
  "holds",
  JSON.stringify(
    holder.capabilities
      .list()
      .filter(isIssued)
      .map(({ params }) => Number(params)),
  ),
);

for (const [writer, start] of starts.entries()) {
  const program = defineProcess({
    async init(ctx) {
      const kept = await ctx.getState<Kept>().catch(() => "torn" as const);
      if (kept === undefined) say("found", writer, "none");
      else say("found", writer, kept !== "torn" && isWhole(kept, writer) ? kept.operation : "torn");
      ctx.after(0, async () => {
        for (let operation = Number(start); ; operation++) {
          await operate(ctx as Context, writer, operation);
          say("ack", writer, operation);
        }
      });
    },
  });
  node.addProcess(ProcessId.parse(`writer-${writer}:w${writer}:template.os`), program);
}

/** Issues 1, 2, 3 … to the holder, and revokes each when the next is there. */
node.addProcess(
  ProcessId.parse("issuer:i:template.os"),
  defineProcess({
    init(ctx) {
      ctx.after(0, async () => {
        const before = holder.capabilities.list().filter(isIssued);
        let number = Math.max(0, ...before.map(({ params }) => Number(params)));
        for (;;) {
          number++;
          const issued = await ctx.capabilities.issue(number, { to: HOLDER });
          say("issued", number);
          for (const old of holder.capabilities.list().filter(isIssued)) {
            if (old.params === issued.params) continue;
            await ctx.capabilities.revoke(old);
            say("revoked", old.params);
          }
        }
      });
    },
  }),
);

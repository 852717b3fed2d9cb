/** What must not compile, against lib/process. Checked by `npm run check:types`; never run. */

import { emit, setup } from "xstate";
import { startProcess } from "../../lib/process/harness.ts";
import {
  type Context,
  defineProcess,
  fromMachine,
  type MachineEffect,
  type MachineEvent,
  Request,
} from "../../lib/process/index.ts";

// A process with state has an init that makes it; one without may return nothing.
defineProcess<number>({ init: () => 1, onOpen: (count) => count + 1 });
defineProcess({ init: (ctx) => ctx.log("up") });
defineProcess({ init: async (ctx) => void (await ctx.bindWs("/")) });
// @ts-expect-error a text is no number
defineProcess<number>({ init: () => "1" });
// @ts-expect-error the state is a number, init may not leave it out
defineProcess<number>({ init: () => undefined });
// @ts-expect-error the next state is a number
defineProcess<number>({ init: () => 1, onOpen: () => "2" });
// @ts-expect-error there is no such handler
defineProcess({ onMessage: () => undefined });

export function calls(ctx: Context): void {
  ctx.push(1, "x", "Text");
  // @ts-expect-error channels are numbers
  ctx.push("1", "x");
  // @ts-expect-error the wire's spelling
  ctx.push(1, "x", "text");
  // @ts-expect-error a publish is Text or Binary
  ctx.publish("t", "x", "Ping");
  // @ts-expect-error seconds are a number
  ctx.request("a:b:c").expectsResponse("5");
  // @ts-expect-error a blob is bytes or text: blobJson makes one of a value
  ctx.request("a:b:c").blob({ a: 1 });
  // @ts-expect-error only defineProcess and the kernel make contexts' messages; a body is no message
  ctx.respond("x", { to: "earlier" });
  // @ts-expect-error the seeds begin with Request.new()
  Request.to();
}

const types = { events: {} as MachineEvent, emitted: {} as MachineEffect };
const machine = setup({ types }).createMachine({});

fromMachine(machine);
fromMachine(machine, { persist: true });
fromMachine(machine, { init: async (ctx) => void (await ctx.bindWs("/")) });
// @ts-expect-error there is no such option
fromMachine(machine, { persisted: true });
// @ts-expect-error no machine
fromMachine({});

const needy = setup({ types: { ...types, input: {} as { room: string } } }).createMachine({});
fromMachine(needy, { init: () => ({ room: "a" }) });
fromMachine(needy, { init: async () => ({ room: "a" }) });
// @ts-expect-error its input is missing
fromMachine(needy);
// @ts-expect-error its input is missing
fromMachine(needy, { persist: true });
// @ts-expect-error its input is another
fromMachine(needy, { init: () => ({ room: 1 }) });

const chatty = setup({ types: { emitted: {} as { type: "shout"; text: string } } }).createMachine({});
// @ts-expect-error "shout" is nothing a process can do
fromMachine(chatty);

setup({ types }).createMachine({
  entry: emit({ type: "push", channelId: 1, value: "x" }),
  // @ts-expect-error a push names its channel
  exit: emit({ type: "push", value: "x" }),
  on: {
    open: { actions: ({ event }) => event.channelId.toFixed() },
    // @ts-expect-error a close carries no data
    close: { actions: ({ event }) => event.data },
  },
});

export async function harness(): Promise<void> {
  const process = await startProcess(defineProcess({}));
  const channelId: number = await process.open();
  await process.push(channelId, { any: "value" });
  // @ts-expect-error by its id, not by its text
  process.pushes("1");
  // @ts-expect-error one of the four ends of a request
  await process.sent[0]?.fail("Lost");
}

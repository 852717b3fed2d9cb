/** streams:distro:sys as a node has it: public, loaded when it is asked, and its names outlive a crash of its own. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { noDataFolder } from "../../bin/data-folder.ts";
import { systemProcesses } from "../../bin/system-processes.ts";
import { Envelope, ProcessId } from "../../lib/protocol/index.ts";
import { settle, startKernel, type TestKernel } from "../support/kernel.ts";
import { Streamer } from "../support/streamer.ts";

const STREAMS = ProcessId.parse("streams:distro:sys");

let kernel: TestKernel;

beforeEach(() => {
  kernel = startKernel();
  for (const process of systemProcesses(noDataFolder())) kernel.node.addSystemProcess(process);
});
afterEach(() => kernel.stop());

test("a sample gets to a process that nobody may message; and after a crash nobody has to ask again", async () => {
  const [source, listener] = [new Streamer(), new Streamer()];
  kernel.add("source:device:me.os", source.program);
  kernel.add("listener:other:you.os", listener.program);
  const out = await source.streams.output("a");
  await listener.streams.listen("a");
  out.publish(1);
  await settle();
  const registry = kernel.node.kernel.registry.get(STREAMS);
  registry?.post(new Envelope("timer", registry.address, registry.address, null, null)); // without what is due: it throws
  await settle();
  expect(registry?.state).toBe("backoff");
  out.publish(2); // waits in its mailbox
  for (let n = 0; n < 100 && registry?.state !== "running"; n++) await kernel.advance(100);
  await source.streams.names(); // it has loaded, and what waited is through
  await settle();
  expect(listener.data).toEqual([1, 2]);
  expect(registry?.incarnation).toBe(2);
});

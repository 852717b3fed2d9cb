/** A server that knows a message's id and has not stored it: what nats-server before 2.11 may say after it lost its lead. */
import { expect, test } from "@jest/globals";
import { NatsDurable } from "../../../kernel/link/nats-durable.ts";
import type { NatsStore } from "../../../kernel/link/nats-store.ts";

type Ack = { readonly stream: string; readonly seq: number; readonly duplicate: boolean };

/** Answers one publish after the other. */
function storeOf(acks: readonly Ack[]): { readonly store: NatsStore; readonly ids: string[] } {
  const ids: string[] = [];
  const publish = async (_subject: string, _bytes: Uint8Array, { msgID }: { msgID: string }): Promise<Ack> => {
    ids.push(msgID);
    return acks[ids.length - 1] ?? { stream: "IN_bob_os", seq: 9, duplicate: false };
  };
  const next = (): Promise<never> => new Promise(() => undefined);
  const js = { publish, consumers: { get: async () => ({ next }) } };
  const open = async (): Promise<unknown> => ({ js, manager: {} });
  return { store: { node: "alice.os", where: "nats://test", open } as unknown as NatsStore, ids };
}

test("a message whose id is known at no place in the stream is not taken, and goes by another id", async () => {
  const begun = { stream: "IN_bob_os", seq: 0, duplicate: true };
  const { store, ids } = storeOf([begun, begun]);
  const lane = new NatsDurable(store);
  await lane.open(async () => true);
  const send = (): Promise<void> => lane.publish("bob.os", "box/1-2", new Uint8Array(1));
  await expect(send()).rejects.toThrow(
    'no stream "IN_bob_os" has said that it has them: it began to store them, and has not',
  );
  await expect(send()).rejects.toThrow("it began to store them");
  await send();
  expect(ids).toEqual(["box/1-2", "box/1-2 1", "box/1-2 2"]);
  await lane.publish("bob.os", "box/3-3", new Uint8Array(1));
  expect(ids.at(-1)).toBe("box/3-3");
  await lane.close();
});

test("one that is known at a place in the stream is taken", async () => {
  const { store, ids } = storeOf([{ stream: "IN_bob_os", seq: 4, duplicate: true }]);
  const lane = new NatsDurable(store);
  await lane.open(async () => true);
  await lane.publish("bob.os", "box/1-1", new Uint8Array(1));
  expect(ids).toEqual(["box/1-1"]);
  await lane.close();
});

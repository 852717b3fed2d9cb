/** A mailbox against an array and a bound. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Mailbox } from "../../kernel/mailbox.ts";
import { Address, Blob, Envelope } from "../../lib/protocol/index.ts";

const at = Address.parse("alice.os@a:b:c");
let count = 0;
const letter = (blob: Blob | null = null): Envelope => new Envelope("request", at, at, count++, blob);
const bodies = (envelopes: readonly Envelope[]): unknown[] => envelopes.map((envelope) => envelope.body);

type Real = { readonly box: Mailbox };
type Model = { waiting: Envelope[]; closed: boolean; readonly capacity: number };
type Command = fc.Command<Model, Real>;

/** A command that may always run. */
const command = (name: string, run: (model: Model, box: Mailbox) => void): Command => ({
  check: () => true,
  run: (model, { box }) => {
    run(model, box);
    expect([box.length, box.closed]).toEqual([model.waiting.length, model.closed]);
  },
  toString: () => name,
});

const post = command("post", (model, box) => {
  const envelope = letter();
  const takes = !model.closed && model.waiting.length < model.capacity;
  expect(box.post(envelope)).toBe(takes);
  if (takes) model.waiting.push(envelope);
});
const postReserved = command("postReserved", (model, box) => {
  const envelope = letter();
  expect(box.postReserved(envelope)).toBe(!model.closed);
  if (!model.closed) model.waiting.push(envelope);
});
const take = command("take", (model, box) => expect(box.take()).toBe(model.waiting.shift()));
const peek = command("peek", (model, box) => expect(box.peek()).toEqual(model.waiting));
const removeOdd = command("remove", (model, box) => {
  const isOdd = ({ body }: Envelope): boolean => Number(body) % 2 === 1;
  expect(bodies(box.remove(isOdd))).toEqual(bodies(model.waiting.filter(isOdd)));
  model.waiting = model.waiting.filter((envelope) => !isOdd(envelope));
});
const postFirst = command("postFirst", (model, box) => {
  if (model.closed) return; // the owner does not
  const envelopes = [letter(), letter()];
  box.postFirst(envelopes);
  model.waiting.unshift(...envelopes);
});
const close = command("close", (model, box) => {
  expect(bodies(box.close())).toEqual(bodies(model.waiting.splice(0)));
  model.closed = true;
});

describe("Mailbox", () => {
  test("keeps order and bound, whatever is done with it", () => {
    const frequent = [post, post, post, postReserved, take, peek, removeOdd, postFirst].map((one) => fc.constant(one));
    const commands = fc.commands([...frequent, fc.constant(close)], { maxCommands: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), commands, (capacity, run) => {
        fc.modelRun(
          () => ({ model: { waiting: [], closed: false, capacity }, real: { box: new Mailbox(capacity) } }),
          run,
        );
      }),
    );
  });

  test("post() takes up to capacity and says no to one more", () => {
    const box = new Mailbox(2);
    expect([box.post(letter()), box.post(letter()), box.post(letter())]).toEqual([true, true, false]);
    box.take();
    expect(box.post(letter())).toBe(true);
  });

  test("postReserved() takes beyond capacity, and what it took counts", () => {
    const box = new Mailbox(1);
    expect([box.postReserved(letter()), box.postReserved(letter()), box.post(letter())]).toEqual([true, true, false]);
  });

  test("close() refuses every later post", () => {
    const box = new Mailbox(1);
    box.close();
    expect([box.post(letter()), box.postReserved(letter()), box.closed]).toEqual([false, false, true]);
  });
});

describe("Mailbox and lent blobs", () => {
  /** Whether lent memory that goes now would be copied for the mailbox. */
  const holds = (blob: Blob): boolean => {
    blob.settle();
    return !blob.expired;
  };
  const lend = (): Blob => Blob.lend(new Uint8Array([1]), false);

  test.each<[string, (box: Mailbox, envelope: Envelope) => unknown]>([
    ["post", (box, envelope) => box.post(envelope)],
    ["postReserved", (box, envelope) => box.postReserved(envelope)],
    ["postFirst", (box, envelope) => box.postFirst([envelope])],
    ["post and take", (box, envelope) => [box.post(envelope), box.take()]],
  ])("%s holds the blob", (_, act) => {
    const blob = lend();
    act(new Mailbox(1), letter(blob));
    expect(holds(blob)).toBe(true);
  });

  test.each<[string, (box: Mailbox) => unknown]>([
    ["take and release", (box) => box.take()?.blob?.release()],
    ["remove", (box) => box.remove(() => true)],
    ["close", (box) => box.close()],
  ])("%s lets go of it", (_, act) => {
    const blob = lend();
    const box = new Mailbox(1);
    box.post(letter(blob));
    act(box);
    expect(holds(blob)).toBe(false);
  });

  test("a refused post does not hold it", () => {
    const blob = lend();
    const box = new Mailbox(1);
    box.post(letter());
    box.post(letter(blob));
    expect(holds(blob)).toBe(false);
  });
});

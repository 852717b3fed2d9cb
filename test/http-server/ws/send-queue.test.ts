/** What waits for one channel: how much there may be, whose bytes it is, and that it leaves in one write. */
import { describe, expect, test } from "@jest/globals";
import { type Frame, type Outgoing, SendQueue } from "../../../http-server/send-queue.ts";
import { QUEUED, SENT, type TransportSocket } from "../../../http-server/transport/transport.ts";

const LIMIT = 1_000_000; // bytes

describe("hasRoom()", () => {
  test.each([
    [11, 10],
    [10, 10],
    [1, 10],
  ])("says yes to frames of %i bytes while they are at most %i together", (size, limit) => {
    const queue = new SendQueue(frame(""), 0, false);
    let bytes = 0;
    while (queue.hasRoom(size, limit)) {
      queue.add(frame("x".repeat(size)), size);
      bytes += size;
    }
    expect(bytes).toBe(size > limit ? 0 : limit);
    expect(queue.bytes).toBe(bytes);
  });

  test("empty frames, which no limit of bytes counts, are at most 1,025", () => {
    const queue = new SendQueue(frame(""), 0, true);
    let frames = 1;
    while (frames < 5_000 && queue.hasRoom(0, LIMIT)) {
      queue.add(frame(""), 0);
      frames += 1;
    }
    expect(frames).toBe(1_025);
  });
});

describe("whose bytes they are", () => {
  const sentAfterChange = (isLate: boolean, isOwn: boolean): string[] => {
    const [first, second] = ["first", "second"].map((said) => new TextEncoder().encode(said)) as [
      Uint8Array,
      Uint8Array,
    ];
    const lent = [first, second.buffer as ArrayBuffer];
    const queue = queueOf(
      lent.map((data) => ({ data, isBinary: true, isOwn })),
      isLate,
    );
    for (const bytes of [first, second]) bytes[0] = "*".charCodeAt(0);
    const socket = new Recorder();
    queue.sendTo(socket.asSocket);
    return socket.sent.map(text);
  };

  test("what waits late is its own: the lender may change the bytes meanwhile", () => {
    expect(sentAfterChange(true, false)).toEqual(["first", "second"]);
  });

  test("what leaves with its turn is not copied, nor what is a copy already", () => {
    expect(sentAfterChange(false, false)).toEqual(["*irst", "*econd"]);
    expect(sentAfterChange(true, true)).toEqual(["*irst", "*econd"]);
  });
});

describe("sendTo()", () => {
  test("one frame is sent as it is, several in order under one cork", () => {
    const one = new Recorder();
    expect(queueOf([frame("a")], false).sendTo(one.asSocket)).toBe(true);
    expect(one.steps).toEqual(["text a"]);
    const three = new Recorder();
    expect(queueOf([frame("a"), { ...frame("b"), isBinary: true }, frame("c")], true).sendTo(three.asSocket)).toBe(
      true,
    );
    expect(three.steps).toEqual(["cork", "text a", "binary b", "text c", "uncork"]);
  });

  test.each([0, 1, 2])("says so when the kernel's buffer does not take frame %i, and sends the rest", (full) => {
    const socket = new Recorder(full);
    expect(queueOf([frame("a"), frame("b"), frame("c")], true).sendTo(socket.asSocket)).toBe(false);
    expect(socket.sent).toEqual(["a", "b", "c"]);
  });

  test("says so of a single one too", () => {
    expect(queueOf([frame("a")], false).sendTo(new Recorder(0).asSocket)).toBe(false);
  });
});

const frame = (data: string): Outgoing => ({ data, isBinary: false, isOwn: false });

const text = (data: Frame): string => (typeof data === "string" ? data : new TextDecoder().decode(data));

function queueOf([first, ...more]: readonly Outgoing[], isLate: boolean): SendQueue {
  const queue = new SendQueue(first as Outgoing, 0, isLate);
  for (const outgoing of more) queue.add(outgoing, 0);
  return queue;
}

/** A socket that writes down what it is told. */
class Recorder {
  readonly steps: string[] = [];
  readonly sent: Frame[] = [];
  readonly #full: number;

  /** @param full the frame, from 0, that its kernel's buffer has no room for; it is queued */
  constructor(full = -1) {
    this.#full = full;
  }

  get asSocket(): TransportSocket<unknown> {
    const socket: Pick<TransportSocket<unknown>, "send" | "cork"> = {
      send: (data, isBinary) => {
        const at = this.sent.push(data) - 1;
        this.steps.push(`${isBinary ? "binary" : "text"} ${text(data)}`);
        return at === this.#full ? QUEUED : SENT;
      },
      cork: (work) => {
        this.steps.push("cork");
        work();
        this.steps.push("uncork");
      },
    };
    return socket as TransportSocket<unknown>;
  }
}

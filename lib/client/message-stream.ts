/**
 * `for await (const message of channel)`: the messages that came since the iteration was begun.
 *
 * 1. Each iteration has a queue of its own, of at most `readMessages` and `readBytes`.
 * 2. One that falls further behind is given what is queued and then throws: nothing is left out silently.
 * 3. Reconnects do not end it. A channel that its owner or its process closed does; any other end is thrown.
 */
import { makeQueue } from "./bounded-queue.ts";
import { ChannelLimitError } from "./errors.ts";
import type { ClientLimits } from "./limits.ts";
import type { ChannelMessage } from "./message.ts";

type Result = IteratorResult<ChannelMessage, undefined>;
type Reader = { readonly resolve: (result: Result) => void; readonly reject: (error: Error) => void };

export type MessageStream = {
  push(message: ChannelMessage): void;
  /** What is queued can still be read; then `error`, if there is one, is thrown. */
  end(error?: Error): void;
  readonly iterator: AsyncIterableIterator<ChannelMessage, undefined>;
};

/** @param onEnd called once; nothing needs to be pushed after it */
export function makeMessageStream(limits: ClientLimits, onEnd: (stream: MessageStream) => void): MessageStream {
  const { readMessages, readBytes } = limits;
  const queue = makeQueue<ChannelMessage>(readMessages, readBytes);
  let readers: Reader[] = []; // waiting; then the queue is empty
  let ended = false;
  let error: Error | undefined; // thrown once, after the queue

  async function next(): Promise<Result> {
    const value = queue.shift();
    if (value !== undefined) return { done: false, value };
    if (!ended) return new Promise((resolve, reject) => readers.push({ resolve, reject }));
    const thrown = error;
    error = undefined;
    if (thrown !== undefined) throw thrown;
    return { done: true, value: undefined };
  }

  const stream: MessageStream = {
    push(message) {
      const reader = readers.shift();
      if (reader !== undefined) reader.resolve({ done: false, value: message });
      else if (!queue.push(message, message.data.length)) {
        stream.end(
          new ChannelLimitError(
            `Cannot keep a message for its reader as limits.readMessages and limits.readBytes are ${readMessages} and ${readBytes}: ${queue.size} messages and ${queue.bytes} bytes wait, read faster or raise them`,
          ),
        );
      }
    },
    end(why) {
      if (ended) return;
      ended = true;
      error = why;
      onEnd(stream);
      for (const reader of readers) next().then(reader.resolve, reader.reject);
      readers = [];
    },
    iterator: {
      next,
      /** Called by `for await` when its body breaks or throws. */
      return() {
        queue.drain();
        stream.end();
        error = undefined; // who stops reading is not told how it would have ended
        return next();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
  };
  return stream;
}

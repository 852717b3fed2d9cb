/**
 * The mailbox of a process under test, and its turn: one message at a time, in the order posted.
 *
 * 1. A message to an idle process is handled before `post` returns, up to its handler's first await.
 * 2. A throw holds the line: what waits is kept for the next incarnation, the message in hand is gone.
 * 3. A crash is told to whoever posted the message; `takeCrash` gives it to somebody else when nobody asked.
 */
import type { Envelope } from "../../protocol/index.ts";

type Post = {
  readonly message: Envelope;
  readonly resolve: () => void;
  readonly reject: (thrown: unknown) => void;
};

/** Boxed: anything may be thrown. */
export type Crash = { readonly thrown: unknown };

/** The `origin` of a timer's message. */
export class TimerMark {
  cancelled = false;
}

export type LinePort = {
  /** A handler threw while `message` was in hand. */
  crashed(message: Envelope): void;
  /** A handler is done. */
  handled(): void;
};

export class Line {
  readonly #port: LinePort;
  #waiting: Post[] = [];
  #inHand: Post | undefined;
  #handle: ((message: Envelope) => void | Promise<void>) | undefined; // undefined: held
  #crash: Crash | undefined;
  #watchers: (() => void)[] = [];

  constructor(port: LinePort) {
    this.#port = port;
  }

  /** Something is in hand, or will be. */
  get busy(): boolean {
    return this.#inHand !== undefined || (this.#handle !== undefined && this.#waiting.length > 0);
  }

  /** Requests that wait, oldest first. */
  waiting(): readonly Envelope[] {
    return this.#waiting.map(({ message }) => message);
  }

  /** @returns settles with its handler; a rejection that nobody looks at is kept for `takeCrash` */
  post(message: Envelope): Promise<void> {
    message.blob?.hold();
    const handled = new Promise<void>((resolve, reject) => this.#waiting.push({ message, resolve, reject }));
    handled.catch(() => undefined);
    this.#run();
    return handled;
  }

  /** Takes out what waits and `leaves` says yes to: it is handled elsewhere. */
  remove(leaves: (message: Envelope) => boolean): void {
    const left = this.#waiting.filter(({ message }) => leaves(message));
    this.#waiting = this.#waiting.filter(({ message }) => !leaves(message));
    for (const post of left) this.#release(post);
  }

  /** Lets messages through to a new incarnation: `first`, then what waits. */
  open(handle: (message: Envelope) => void | Promise<void>, first: readonly Envelope[]): void {
    const before = first.map((message) => ({ message, resolve: () => undefined, reject: () => undefined }));
    this.#waiting.unshift(...before);
    this.#handle = handle;
    this.#run();
  }

  /** Ends the turn of an incarnation; what its handler still does counts no more. Answers and timers were for it alone. */
  hold(): void {
    this.#handle = undefined;
    const inHand = this.#inHand;
    this.#inHand = undefined;
    if (inHand !== undefined) this.#release(inHand);
    const lost = this.#waiting.filter(({ message }) => message.kind !== "request");
    this.#waiting = this.#waiting.filter(({ message }) => message.kind === "request");
    for (const post of lost) this.#release(post);
    this.notify();
  }

  /** Holds the line, and drops what waits. */
  clear(): void {
    this.hold();
    for (const post of this.#waiting.splice(0)) this.#release(post);
  }

  /** `thrown` was told to who posted its message. */
  forgive(thrown: unknown): void {
    if (this.#crash?.thrown === thrown) this.#crash = undefined;
  }

  takeCrash(): Crash | undefined {
    const crash = this.#crash;
    this.#crash = undefined;
    return crash;
  }

  /** Resolves when something has changed: a handler is done, or began to wait. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  notify(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }

  #run(): void {
    while (this.#inHand === undefined && this.#handle !== undefined) {
      const post = this.#waiting.shift();
      if (post === undefined) return;
      const { origin } = post.message;
      if (origin instanceof TimerMark && origin.cancelled) this.#release(post);
      else this.#take(post, this.#handle);
    }
  }

  #take(post: Post, handle: (message: Envelope) => void | Promise<void>): void {
    this.#inHand = post;
    let result: void | Promise<void>;
    try {
      result = handle(post.message);
    } catch (thrown) {
      this.#end(post, { thrown });
      return;
    }
    if (result === undefined) {
      this.#end(post, undefined);
      return;
    }
    const goOn = (crash?: Crash): void => {
      this.#end(post, crash);
      this.#run();
    };
    Promise.resolve(result).then(
      () => goOn(),
      (thrown: unknown) => goOn({ thrown }),
    );
  }

  #end(post: Post, crash: Crash | undefined): void {
    if (this.#inHand !== post) return; // its incarnation has ended meanwhile
    this.#inHand = undefined;
    if (crash === undefined) {
      this.#release(post);
      this.#port.handled();
    } else {
      post.message.blob?.release();
      this.#crash = crash;
      this.#port.crashed(post.message);
      post.reject(crash.thrown);
    }
    this.notify();
  }

  #release({ message, resolve }: Post): void {
    message.blob?.release();
    resolve();
  }
}

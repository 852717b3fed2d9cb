/**
 * Defects to plant in the kernel, which the simulation must find (`npm run simulate -- --mutants`): what it is, the text of
 * kernel/*.ts that it replaces, and by what.
 */
export const MUTANTS = [
  ["who waits on a process that is gone is not told", "this.waiting.failHeldBy(gone);", ""],
  [
    "a message that crashed its process is tried again",
    "this.#kernel.bus.dropCrashed(envelope, this);",
    "this.mailbox.postFirst([envelope]);",
  ],
  [
    "two messages change places",
    "take(): Envelope | undefined {\n    return this.#waiting.shift();",
    `take(): Envelope | undefined {
    const [first, second] = [this.#waiting.shift(), this.#waiting.shift()];
    if (first !== undefined && second !== undefined) this.#waiting.unshiftAll([first]);
    return second ?? first;`,
  ],
  [
    "the prelude of a restart is lost",
    "this.mailbox.postFirst(this.#kernel",
    "((_: unknown) => undefined)(this.#kernel",
  ],
  ["a second answer is taken", "if (!this.#take(entry) && !entry.isReleased) return false;", "this.#take(entry);"],
  ["timers come early", "Math.ceil((now + ms) / TICK)", "Math.floor((now + ms) / TICK)"],
  ["a new incarnation hears answers meant for the one before", 'waiting.kind !== "request"', "false"],
  ["an incarnation that has ended still waits", "    this.pending.clear();", ""],
  ["the next message does not wait for a promise", "=== LINED) this.#turn = BUSY;", "=== LINED) this.#turn = IDLE;"],
  [
    "a mailbox does not hold the blobs in it",
    "if (envelope.blob !== null) envelope.blob.hold();\n    this.#waiting.push",
    "this.#waiting.push",
  ],
  ["a mailbox takes one too many", "this.#waiting.length >= this.capacity", "this.#waiting.length > this.capacity"],
  [
    "the sender of what crashed a process is not told",
    'pending?.holder === by) pending.fail("Offline")',
    "false) return",
  ],
  [
    "what waits for a process that ends vanishes",
    'this.#kernel.bus.refuse(envelope, "Offline", "exited")',
    "void envelope",
  ],
  ["a cancelled timer that waits in a mailbox is run", "&& envelope.origin.cancelled", "&& false"],
  ["an answer comes without its context", "answer.context = entry.context;", ""],
  ["who answers for another is forgotten", "if (pending !== null) pending.holder = target;", ""],
  [
    "a message whose handler kills its own process and goes on vanishes",
    "else this.#dropHand(); // it was killed",
    "// it was killed",
  ],
  [
    "a capability outlives who issued it",
    "if (!this.stopping || forGood) this.capabilityScope.revokeFrom(self, forGood);",
    "",
  ],
  [
    "a sender remembers that it may, when it may no longer",
    "this.#scope.holders.remove(this, key, cap);\n    this.#scope.epoch.value++;",
    "this.#scope.holders.remove(this, key, cap);",
  ],
  [
    "who waits again, after a while without, is not told",
    "this.#isListed = false;\n    this.#tables.delete(this);",
    "this.#tables.delete(this);",
  ],
  ["messages are handled during a farewell", "this.#turn = HELD;\n    this.#farewell", "this.#farewell"],
];

/** The file descriptors of a realm that is an operating-system process, and what each is for. */
export const FD = {
  /** Batches to the realm. Its end is the node's end. */
  batches: 3,
  /** Batches and questions from the realm, by writes that wait. */
  replies: 4,
  /** Answers to its questions, by reads that wait. */
  answers: 5,
  /** A file of 8 bytes that has no name: slot and seq of what it is at. */
  begun: 6,
  /** Nothing is ever written to it: it ends with the node, also where the realm's own thread is stuck. */
  lifeline: 7,
} as const;

export const BEGUN_BYTES = 8;
export const REALM_ARGUMENT = "isolated"; // what tells the script that it is not in a thread

/** How an action went, for process.ts to answer. */
import type { Blob, HttpServerErrorKind } from "../lib/protocol/index.ts";

/** The answer has to wait; whoever returns this gives it. */
export const LATER: unique symbol = Symbol("later");

/** undefined: done. */
export type ActionResult = HttpServerErrorKind | typeof LATER | undefined;

/** Answers the message that asked. */
export type Answerer = (body: unknown, blob: Blob | null) => void;

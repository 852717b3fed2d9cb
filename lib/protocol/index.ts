/** Shared by kernel, http-server, process-lib and client: names, messages, wire types, close codes. */
export * from "./address.ts";
export * from "./blob.ts";
export * from "./capability.ts";
export * from "./clock.ts";
export * from "./close-codes.ts";
export * from "./codec.ts";
export * from "./dialect.ts";
export * from "./dialect-events.ts";
export * from "./dialect-results.ts";
export * from "./envelope.ts";
export * from "./errors.ts";
export * from "./extension.ts";
export * from "./freeze.ts";
export * from "./http.ts";
export * from "./limits.ts";
export * from "./program.ts";
export * from "./untrusted.ts";

/** Tells a promise from a plain value: what costs neither promise nor microtask unless it must (DESIGN §3.1). */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && typeof (value as Promise<T>).then === "function";
}

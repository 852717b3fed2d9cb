/**
 * Makes a body unchangeable, as deep as it goes (DESIGN §3.5): outside production a change after sending throws at once,
 * where it is made, instead of showing up as somebody else's wrong data.
 */
const frozen = new WeakSet<object>(); // not Object.isFrozen: a frozen object may hold others that are not

/** @returns `value` */
export function freezeBody<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || frozen.has(value) || ArrayBuffer.isView(value)) return value;
  frozen.add(value);
  Object.freeze(value);
  for (const inner of Object.values(value)) freezeBody(inner);
  return value;
}

/**
 * Makes a body unchangeable, as deep as it goes (DESIGN §3.5): outside production a change after sending throws at once,
 * where it is made, instead of showing up as somebody else's wrong data.
 */
export function freezeBody(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freezeBody(inner);
}

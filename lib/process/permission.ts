/**
 * What a process that issues capabilities asks before it acts: may the sender of this message do this?
 *
 *   if (!(await allowed(ctx, message, { kind: "read", drive }, { owner: "pkg:pub", facts: { path } }))) …
 *
 * 1. Attached before ambient: where the message brings a capability of this process, or says that it is sent on behalf
 *    of another (`Request.onBehalfOf`), only what it brings counts: neither what the sender holds, nor that it is `owner`.
 *    Who asks for somebody else can so keep its own rights out of it (the confused deputy).
 * 2. A capability allows when its params are `needs`, as JSON, or `{"root":true}`. A derived one must come from such a
 *    one, and each of its restrictions must be met: an object whose every field is the same in `needs` and `facts`, or for
 *    which `meets` says yes. What is not understood is not met.
 * 3. Only processes of this node have rights.
 */
import {
  type Capability,
  canonicalAddress,
  countsBrought,
  type Host,
  hasLapsed,
  lineage,
  type Message,
  sameJson,
} from "../protocol/index.ts";

export type PermissionParams = Readonly<Record<string, unknown>>;

export type PermissionOptions = {
  /** The package, as `package:publisher`, whose processes may do it without a capability. */
  readonly owner?: string;
  /** What else is known of what is to be done: a derived capability may be restricted by it. */
  readonly facts?: PermissionParams;
  /** Whether a field of a restriction is met in another way than being the same, e.g. a path below another. */
  readonly meets?: (field: string, value: unknown) => boolean;
};

/** @param ctx of the process that issues such capabilities @param message the request in question */
export async function allowed(
  ctx: { readonly host: Host },
  message: Pick<Message, "source" | "capabilities">,
  needs: PermissionParams,
  options: PermissionOptions = {},
): Promise<boolean> {
  const { host } = ctx;
  const { source } = message;
  const self = host.our.text;
  if (source.node !== host.our.node) return false;
  const allows = (cap: Capability): boolean =>
    canonicalAddress(cap.issuer) === self && !hasLapsed(cap, host.now()) && covers(cap, needs, options);
  if (countsBrought(message, self)) return message.capabilities.some(allows);
  if (options.owner !== undefined && source.id.packageId.text === options.owner) return true;
  const held = await host.command({ HeldBy: { holder: source.text } });
  return Array.isArray(held) && (held as readonly Capability[]).some(allows);
}

/** Whether `cap`, of the right issuer and in force, is enough for `needs`: rule 2. */
export function covers(cap: Capability, needs: PermissionParams, options: PermissionOptions = {}): boolean {
  const { base, restrictions } = lineage(cap);
  if (!sameJson(base, ROOT) && !sameJson(base, needs)) return false;
  const known = { ...needs, ...options.facts };
  return restrictions.every((only) => only === null || isMet(only, known, options.meets));
}

const ROOT = { root: true };

function isMet(only: unknown, known: PermissionParams, meets: PermissionOptions["meets"]): boolean {
  if (typeof only !== "object" || Array.isArray(only)) return false;
  return Object.entries(only as PermissionParams).every(
    ([field, value]) =>
      (Object.hasOwn(known, field) && sameJson(known[field], value)) || meets?.(field, value) === true,
  );
}

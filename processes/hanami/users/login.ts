/** The login, `POST token`: the one endpoint that wants no token, and that has to know its client's address. */
import { ApiError, type FieldRule, type JsonObject, USER_ID } from "../endpoint.ts";
import { checkFields } from "../fields.ts";
import type { Accounts } from "./accounts.ts";
import { PASSWORD } from "./new-user.ts";
import type { Throttle } from "./throttle.ts";

/** Canonical: padded, and no other letters. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Either is a password: plain, or as base64 of its UTF-8 bytes. */
export const PASSWORD_FIELDS: Readonly<Record<string, FieldRule>> = {
  passphrase: { type: "text", required: false, pattern: BASE64, min: 8, max: 4096 },
  password: { ...PASSWORD, required: false },
};

const FIELDS: Readonly<Record<string, FieldRule>> = { id: USER_ID, ...PASSWORD_FIELDS };

/** @throws {ApiError} 400 none, or not exactly one of them */
export function readPassword({ password, passphrase }: Readonly<Record<string, unknown>>): string {
  if (typeof password === "string" && passphrase === undefined) return password;
  if (typeof passphrase === "string" && password === undefined) return decoded(passphrase);
  throw new ApiError(400, 'One of the fields "password" and "passphrase" must be there.');
}

/** @param address of the client, without its port @throws {ApiError} */
export async function login(
  accounts: Accounts,
  throttle: Throttle,
  address: string,
  body: Readonly<Record<string, unknown>>,
): Promise<JsonObject> {
  const input = checkFields(FIELDS, body);
  const password = readPassword(input);
  const user = await throttle.run(address, () => accounts.login(input.id as string, password));
  const [membership] = user?.projects ?? [];
  if (user === undefined || membership === undefined)
    throw new ApiError(401, "User or password is wrong, or the user is in no project.");
  const { id, name, isAdmin } = user;
  return { id, name, is_admin: isAdmin, token: accounts.issue(user, membership.projectId) };
}

function decoded(passphrase: string): string {
  const bytes = Buffer.from(passphrase, "base64");
  try {
    if (bytes.toString("base64") === passphrase) return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // said below
  }
  throw new ApiError(400, 'The field "passphrase" must be base64 of UTF-8 text.');
}

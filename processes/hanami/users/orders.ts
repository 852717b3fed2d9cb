/**
 * What the node's owner orders by a Request, e.g. `jackfield send hanami:hanami:sys '{"AddUser":{"id":"alice","password":"…"}}'`:
 *
 *   "Users"                                           → {"Users":[{"id","name","is_admin","projects"}]}
 *   {"AddUser":{"id","password","name"?,"is_admin"?,"project"?,"is_project_admin"?}}   → {"Ok":null}
 *   {"RemoveUser":{"id"}}   {"SetPassword":{"id","password"}}                           → {"Ok":null}
 *
 * From RPC, this package's own processes, and holders of `{"root":true}` of this one; others get {"Err":"NoRootCap"}.
 */
import { allowed, type Message } from "jackfield/process";
import { HTTP_SERVER } from "jackfield/protocol";
import { ApiError, type Ctx, type FieldRule, USER_ID } from "../endpoint.ts";
import { checkFields } from "../fields.ts";
import type { Accounts } from "./accounts.ts";
import { PASSWORD, readNewUser } from "./new-user.ts";

const ID: Readonly<Record<string, FieldRule>> = { id: USER_ID };
const NEW_PASSWORD: Readonly<Record<string, FieldRule>> = { id: USER_ID, password: PASSWORD };
const KNOWN = "AddUser, RemoveUser, SetPassword, Users";

/** @returns the body of the answer; undefined: it is none of these orders */
export async function obey(ctx: Ctx, accounts: Accounts, message: Message): Promise<unknown> {
  const [order, asked] = orderOf(message.body);
  const obeyed = Object.hasOwn(ORDERS, order) ? ORDERS[order] : undefined;
  if (obeyed === undefined) return { Err: `Cannot do "${order.slice(0, 40)}" as it must be one of ${KNOWN}` };
  if (!(await mayOrder(ctx, message))) return { Err: "NoRootCap" };
  try {
    return await obeyed(accounts, asked);
  } catch (thrown) {
    if (thrown instanceof ApiError) return { Err: thrown.text };
    throw thrown;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const ORDERS: Readonly<Record<string, (accounts: Accounts, asked: Fields) => unknown>> = {
  Users: (accounts) => ({
    Users: accounts.users.map(({ id, name, isAdmin, projects }) => ({
      id,
      name,
      is_admin: isAdmin,
      projects: projects.map(({ projectId }) => projectId),
    })),
  }),
  async AddUser(accounts, asked) {
    await accounts.addUser(readNewUser(asked));
    return { Ok: null };
  },
  async RemoveUser(accounts, asked) {
    await accounts.removeUser(checkFields(ID, asked).id as string);
    return { Ok: null };
  },
  async SetPassword(accounts, asked) {
    const { id, password } = checkFields(NEW_PASSWORD, asked);
    await accounts.setPassword(id as string, password as string);
    return { Ok: null };
  },
};

function orderOf(body: unknown): readonly [string, Fields] {
  if (typeof body === "string") return [body, {}];
  const [order = "", asked] = Object.entries(Object(body) as object)[0] ?? [];
  return [order, typeof asked === "object" && asked !== null ? (asked as Fields) : {}];
}

/** RPC comes with the http-server as its source, and is the node's own authority. */
async function mayOrder(ctx: Ctx, message: Message): Promise<boolean> {
  const { source } = message;
  if (source.node === ctx.node && source.id.text === HTTP_SERVER.text && message.capabilities.length === 0) return true;
  return await allowed(ctx, message, { root: true }, { owner: ctx.our.id.packageId.text });
}

/**
 * Users and projects of Hanami, and the tokens of who is logged in. They are not the node's: each has a password here.
 *
 * 1. Everything is in a database of the package (ctx.kv) and, all of it, in memory: checks ask nobody.
 * 2. What was awaited is durable. Of two changes at a time the later one wins whole.
 * 3. A user without a project cannot log in, as upstream has it.
 * 4. Projects that settings and Requests put users into are not in the table of projects: nobody can delete them over
 *    REST, as upstream's own test script begins with deleting all there are.
 */
import { randomBytes, randomInt } from "node:crypto";
import type { KvDatabase } from "jackfield/process";
import { ApiError, type Caller, type Ctx } from "../endpoint.ts";
import type { HanamiLimits } from "../limits.ts";
import { DEFAULT_PROJECT, type NewUser } from "./new-user.ts";
import { hashPassword, isPassword, type PasswordHash } from "./password.ts";
import { isSafeToken, readToken, signToken } from "./token.ts";

/** @property projectId @property role a text of whoever made it: nothing depends on it */
export type Membership = { readonly projectId: string; readonly role: string; readonly isProjectAdmin: boolean };

/** @property createdAt ms since the Unix epoch @property generation of the password, tokens name it; the first is random: a user who was removed may come back by that id */
export type User = {
  readonly id: string;
  readonly name: string;
  readonly isAdmin: boolean;
  readonly creatorId: string;
  readonly createdAt: number;
  readonly projects: readonly Membership[];
  readonly generation: number;
  readonly hash: PasswordHash;
};

export type Project = {
  readonly id: string;
  readonly name: string;
  readonly creatorId: string;
  readonly createdAt: number;
};

type Key = readonly [kind: "user" | "project" | "secret", id: string];
type Database = KvDatabase<Key, unknown>;

const DATABASE = "accounts";
const SECRET_KEY: Key = ["secret", "token"];
const SECRET_BYTES = 32; // as many as HMAC-SHA-256 uses
const GENERATIONS = 2 ** 47; // randomInt takes no more; nobody meets an earlier one by chance
const NODE = "node"; // creator of what settings and Requests make

export class Accounts {
  readonly #ctx: Ctx;
  readonly #database: Database;
  readonly #limits: HanamiLimits;
  readonly #secret: Uint8Array;
  readonly #users = new Map<string, User>();
  readonly #projects = new Map<string, Project>();

  static async open(ctx: Ctx, limits: HanamiLimits): Promise<Accounts> {
    const database: Database = await ctx.kv.open<Key, unknown>(DATABASE);
    let secret = (await database.get(SECRET_KEY)) as Uint8Array | undefined;
    if (secret === undefined) {
      secret = randomBytes(SECRET_BYTES);
      await database.set(SECRET_KEY, secret);
    }
    const accounts = new Accounts(ctx, database, limits, secret);
    for await (const [[kind, id], value] of database.entries()) {
      if (kind === "user") accounts.#users.set(id, value as User);
      if (kind === "project") accounts.#projects.set(id, value as Project);
    }
    return accounts;
  }

  private constructor(ctx: Ctx, database: Database, limits: HanamiLimits, secret: Uint8Array) {
    this.#ctx = ctx;
    this.#database = database;
    this.#limits = limits;
    this.#secret = secret;
  }

  // --- Tokens ---------------------------------------------------------------------------------------------------

  /** Who the bearer of `token` is, for REST and for the WebSocket handshake. @returns undefined: 401 */
  verify(token: unknown): Caller | undefined {
    if (typeof token !== "string" || !isSafeToken(token)) return undefined;
    const claims = readToken(token, this.#secret, this.#ctx.now() / 1000);
    const user = claims === undefined ? undefined : this.#users.get(claims.user);
    if (claims === undefined || user === undefined || user.generation !== claims.generation) return undefined;
    return callerOf(user, claims.project);
  }

  /** A token of `user` in `projectId`. */
  issue(user: User, projectId: string): string {
    const expires = Math.floor(this.#ctx.now() / 1000) + this.#limits.tokenSeconds;
    return signToken({ user: user.id, project: projectId, generation: user.generation, expires }, this.#secret);
  }

  /** @returns undefined: no such user, another password, or no project */
  async login(id: string, password: string): Promise<User | undefined> {
    const user = this.#users.get(id);
    const matches = await isPassword(password, user?.hash);
    return matches && user !== undefined && user.projects.length > 0 ? user : undefined;
  }

  // --- Users ----------------------------------------------------------------------------------------------------

  get users(): readonly User[] {
    return [...this.#users.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  user(id: string): User | undefined {
    return this.#users.get(id);
  }

  /** @throws {ApiError} 409 there is one of that id; 400 there are too many */
  async addUser(given: NewUser, creatorId: string = NODE): Promise<User> {
    const assertFree = (): void => {
      if (this.#users.has(given.id)) throw new ApiError(409, `There is a user "${given.id}" already.`);
      if (this.#users.size >= this.#limits.users)
        throw new ApiError(400, `No user more can be added, as there are ${this.#limits.users} (limit users).`);
    };
    assertFree();
    const { id, name, isAdmin, project, isProjectAdmin } = given;
    const hash = await hashPassword(given.password);
    assertFree(); // another may have come meanwhile
    const projects = project === null ? [] : [{ projectId: project, role: "member", isProjectAdmin }];
    const generation = randomInt(GENERATIONS);
    return await this.#setUser({
      id,
      name,
      isAdmin,
      creatorId,
      createdAt: this.#ctx.now(),
      projects,
      generation,
      hash,
    });
  }

  /** Their tokens end with them; what they own stays, for admins. @throws {ApiError} 404 */
  async removeUser(id: string): Promise<void> {
    this.#known(id);
    this.#users.delete(id);
    await this.#database.delete(["user", id]);
  }

  /** All their tokens end. @throws {ApiError} 404 */
  async setPassword(id: string, password: string): Promise<void> {
    this.#known(id);
    const hash = await hashPassword(password);
    const user = this.#known(id);
    await this.#setUser({ ...user, hash, generation: user.generation + 1 });
  }

  /** @throws {ApiError} 404 no such user or project; 409 it is in it already; 400 it is in too many */
  async join(id: string, membership: Membership): Promise<User> {
    const user = this.#known(id);
    const { projectId } = membership;
    if (!this.#isProject(projectId)) throw new ApiError(404, `There is no project "${projectId}".`);
    if (user.projects.some((each) => each.projectId === projectId))
      throw new ApiError(409, `The user "${id}" is in the project "${projectId}" already.`);
    const { projectsPerUser } = this.#limits;
    if (user.projects.length >= projectsPerUser)
      throw new ApiError(400, `The user "${id}" is in ${projectsPerUser} projects, the most there may be.`);
    return await this.#setUser({ ...user, projects: [...user.projects, membership] });
  }

  /** @throws {ApiError} 404 */
  async leave(id: string, projectId: string): Promise<User> {
    const user = this.#known(id);
    const projects = user.projects.filter((each) => each.projectId !== projectId);
    if (projects.length === user.projects.length)
      throw new ApiError(404, `The user "${id}" is not in a project "${projectId}".`);
    return await this.#setUser({ ...user, projects });
  }

  // --- Projects -------------------------------------------------------------------------------------------------

  get projects(): readonly Project[] {
    return [...this.#projects.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  project(id: string): Project | undefined {
    return this.#projects.get(id);
  }

  /** @throws {ApiError} 409 there is one; 400 there are too many */
  async addProject(id: string, name: string, creatorId: string = NODE): Promise<Project> {
    if (this.#projects.has(id)) throw new ApiError(409, `There is a project "${id}" already.`);
    if (this.#projects.size >= this.#limits.projects)
      throw new ApiError(400, `No project more can be added, as there are ${this.#limits.projects} (limit projects).`);
    const project = { id, name, creatorId, createdAt: this.#ctx.now() };
    this.#projects.set(id, project);
    await this.#database.set(["project", id], project);
    return project;
  }

  /** Its members are in it no more: tokens for it end. What is in it stays, for admins. @throws {ApiError} 404 */
  async removeProject(id: string): Promise<void> {
    if (!this.#projects.delete(id)) throw new ApiError(404, `There is no project "${id}".`);
    await this.#database.delete(["project", id]);
    for (const user of this.users) {
      if (user.projects.some((each) => each.projectId === id)) await this.leave(user.id, id);
    }
  }

  #isProject(id: string): boolean {
    return (
      this.#projects.has(id) || this.users.some(({ projects }) => projects.some(({ projectId }) => projectId === id))
    );
  }

  #known(id: string): User {
    const user = this.#users.get(id);
    if (user === undefined) throw new ApiError(404, `There is no user "${id}".`);
    return user;
  }

  async #setUser(user: User): Promise<User> {
    this.#users.set(user.id, user);
    await this.#database.set(["user", user.id], user);
    return user;
  }
}

/** @returns undefined: they are in that project no more */
function callerOf({ id, name, isAdmin, projects }: User, projectId: string): Caller | undefined {
  const membership = projects.find((each) => each.projectId === projectId);
  if (membership === undefined) return undefined;
  return { id, name, isAdmin, projectId, isProjectAdmin: membership.isProjectAdmin };
}

/** Makes the users of the settings, and an admin where a node has none. @returns its password, to be shown once */
export async function firstUsers(accounts: Accounts, users: readonly NewUser[]): Promise<string | undefined> {
  const missing = users.filter(({ id }) => accounts.user(id) === undefined);
  for (const user of missing) await accounts.addUser(user);
  if (accounts.users.some(({ isAdmin }) => isAdmin)) return undefined;
  if (accounts.user("admin") !== undefined) return undefined; // somebody made it on purpose, without the right
  const password = randomBytes(15).toString("base64url"); // 120 bits, 20 letters
  const admin = { id: "admin", name: "admin", password, isAdmin: true, isProjectAdmin: true };
  await accounts.addUser({ ...admin, project: DEFAULT_PROJECT });
  return password;
}

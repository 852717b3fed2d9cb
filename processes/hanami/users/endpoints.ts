/**
 * Users, projects and tokens over REST, and the one host there is: as much as upstream's own scripts use.
 *
 * Users and projects are for admins; anyone may see which projects they are in, and take a token for another of them.
 */
import {
  ApiError,
  type Call,
  type Endpoint,
  type FieldRule,
  type JsonObject,
  NAME,
  stamp,
  USER_ID,
} from "../endpoint.ts";
import type { Front } from "../front.ts";
import { type Column, table } from "../table.ts";
import type { Project, User } from "./accounts.ts";
import { PASSWORD_FIELDS, readPassword } from "./login.ts";

/** This node: there is no other one, and clusters move nowhere. */
export const HOST: string = "00000000-0000-4000-8000-000000000001";

const MEMBERSHIP: Readonly<Record<string, FieldRule>> = {
  id: USER_ID,
  is_project_admin: { type: "boolean", required: false },
  project_id: USER_ID,
  role: { ...USER_ID, required: false },
};

export function userEndpoints({ accounts }: Front): readonly Endpoint[] {
  const switchProject = ({ caller, input }: Call): JsonObject => {
    const user = accounts.user(caller.id);
    const projectId = input.project_id as string;
    if (user === undefined || !user.projects.some((each) => each.projectId === projectId))
      throw new ApiError(401, `You are not in a project "${projectId}".`);
    const { id, name, isAdmin } = user;
    return { id, name, is_admin: isAdmin, token: accounts.issue(user, projectId) };
  };
  const forAdmins: readonly Endpoint[] = [
    {
      method: "POST",
      path: "user",
      fields: { id: USER_ID, is_admin: { type: "boolean", required: false }, name: NAME, ...PASSWORD_FIELDS },
      async handle({ caller, input }) {
        const { id, name, is_admin: isAdmin = false } = input as { id: string; name: string; is_admin?: boolean };
        const given = { id, name, isAdmin, password: readPassword(input), project: null, isProjectAdmin: false };
        return shownUser(await accounts.addUser(given, caller.id));
      },
    },
    { method: "GET", path: "user", fields: { id: USER_ID }, handle: ({ input }) => shownUser(known(input.id)) },
    {
      method: "GET",
      path: "user/all",
      fields: {},
      handle: ({ generation }) => table(generation, USER_COLUMNS, accounts.users),
    },
    {
      method: "DELETE",
      path: "user",
      fields: { id: USER_ID },
      async handle({ caller, input }) {
        if (input.id === caller.id) throw new ApiError(409, "You cannot delete yourself.");
        await accounts.removeUser(input.id as string);
        return {};
      },
    },
    {
      method: "POST",
      path: "user/project",
      fields: MEMBERSHIP,
      async handle({ input }) {
        const { id, role = "member", is_project_admin: isProjectAdmin = false, project_id: projectId } = input;
        const membership = { projectId, role, isProjectAdmin } as User["projects"][number];
        return shownUser(await accounts.join(id as string, membership));
      },
    },
    {
      method: "DELETE",
      path: "user/project",
      fields: { id: USER_ID, project_id: USER_ID },
      handle: async ({ input }) => shownUser(await accounts.leave(input.id as string, input.project_id as string)),
    },
    {
      method: "POST",
      path: "project",
      fields: { id: USER_ID, name: NAME },
      handle: async ({ caller, input }) =>
        shownProject(await accounts.addProject(input.id as string, input.name as string, caller.id)),
    },
    {
      method: "GET",
      path: "project",
      fields: { id: USER_ID },
      handle({ input }) {
        const project = accounts.project(input.id as string);
        if (project === undefined) throw new ApiError(404, `There is no project "${input.id}".`);
        return shownProject(project);
      },
    },
    {
      method: "GET",
      path: "project/all",
      fields: {},
      handle: ({ generation }) => table(generation, PROJECT_COLUMNS, accounts.projects),
    },
    {
      method: "DELETE",
      path: "project",
      fields: { id: USER_ID },
      async handle({ input }) {
        await accounts.removeProject(input.id as string);
        return {};
      },
    },
  ];
  return [
    { method: "PUT", path: "token", fields: { project_id: USER_ID }, handle: switchProject },
    { method: "PUT", path: "user/project", fields: { project_id: USER_ID }, handle: switchProject },
    {
      method: "GET",
      path: "user/project",
      fields: {},
      handle: ({ caller }) => ({ projects: membershipsOf(accounts.user(caller.id)) }),
    },
    ...forAdmins.map(adminOnly),
    {
      method: "GET",
      path: "host/all",
      fields: {},
      handle: () => ({ header: ["uuid", "type"], body: [[HOST, "cpu"]] }),
    },
  ];

  function known(id: unknown): User {
    const user = accounts.user(id as string);
    if (user === undefined) throw new ApiError(404, `There is no user "${id}".`);
    return user;
  }
}

/** As a role that upstream's policy does not allow: 401. */
function adminOnly(endpoint: Endpoint): Endpoint {
  return {
    ...endpoint,
    handle(call) {
      if (!call.caller.isAdmin) throw new ApiError(401, "Only an admin may do this.");
      return endpoint.handle(call);
    },
  };
}

const USER_COLUMNS: readonly Column<User>[] = [
  { name: "created_at", since: "S/G2", value: ({ createdAt }) => stamp(createdAt) },
  { name: "id", value: ({ id }) => id },
  { name: "name", value: ({ name }) => name },
  { name: "creator_id", value: ({ creatorId }) => creatorId },
  { name: "projects", value: (user) => membershipsOf(user) },
  { name: "is_admin", value: ({ isAdmin }) => isAdmin },
];

const PROJECT_COLUMNS: readonly Column<Project>[] = [
  { name: "created_at", since: "S/G2", value: ({ createdAt }) => stamp(createdAt) },
  { name: "id", value: ({ id }) => id },
  { name: "name", value: ({ name }) => name },
  { name: "creator_id", value: ({ creatorId }) => creatorId },
];

function membershipsOf(user: User | undefined): readonly JsonObject[] {
  return (user?.projects ?? []).map(({ projectId, role, isProjectAdmin }) => ({
    project_id: projectId,
    role,
    is_project_admin: isProjectAdmin,
  }));
}

function shownUser(user: User): JsonObject {
  const { id, name, isAdmin, creatorId, createdAt } = user;
  const rest = { creator_id: creatorId, created_at: stamp(createdAt), projects: membershipsOf(user) };
  return { id, name, is_admin: isAdmin, ...rest };
}

function shownProject({ id, name, creatorId, createdAt }: Project): JsonObject {
  return { id, name, creator_id: creatorId, created_at: stamp(createdAt) };
}

/** Hanami's users: logins, tokens, projects, and what the node's owner orders (contract hanami §3.1). */
import { afterEach, describe, expect, test } from "@jest/globals";
import { hanamiLimits } from "../../../processes/hanami/limits.ts";
import { hanamiSettings } from "../../../processes/hanami/settings.ts";
import { Throttle } from "../../../processes/hanami/users/throttle.ts";
import { isSafeToken, readToken, signToken } from "../../../processes/hanami/users/token.ts";
import { destroyAll } from "../../support/sockets.ts";
import { type HanamiNode, startHanami, stopHanami, USERS } from "./node.ts";

afterEach(async () => {
  destroyAll();
  await stopHanami();
});

const login = (hanami: HanamiNode, fields: object) =>
  hanami.ask("POST", "/v1.0alpha/token", { body: JSON.stringify(fields) });
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("login", () => {
  test("by password or by base64 passphrase, of UTF-8; anything else is 400 or 401", async () => {
    const users = [{ id: "uschi", password: "schöne Größe" }];
    const hanami = await startHanami({ settings: { users } });
    const id = "uschi";
    for (const fields of [{ password: "schöne Größe" }, { passphrase: base64("schöne Größe") }])
      expect((await login(hanami, { id, ...fields })).status).toBe(200);
    for (const fields of [
      {},
      { password: "schöne Größe", passphrase: base64("schöne Größe") },
      { password: "1234567" },
      { password: "x".repeat(4097) },
      { password: 12345678 },
      { passphrase: "schöne Größe" },
      { passphrase: base64("schöne Größe!").replaceAll("=", "") },
      { passphrase: "/////////w==" },
    ])
      expect([fields, (await login(hanami, { id, ...fields })).status]).toEqual([fields, 400]);
    expect((await login(hanami, { id, password: "another one" })).status).toBe(401);
    expect((await login(hanami, { id: "nobody", password: "schöne Größe" })).status).toBe(401);
  });

  test("a user without a project cannot log in", async () => {
    const hanami = await startHanami();
    const root = await hanami.login("root");
    const fields = { id: "carl", name: "Carl", password: "correct horse", is_admin: false };
    expect(await root.post("/v1/user", fields)).toMatchObject({ status: 200, body: { id: "carl", projects: [] } });
    expect((await login(hanami, { id: "carl", password: "correct horse" })).status).toBe(401);
    await root.post("/v1/user/project", { id: "carl", project_id: "lab1", role: "member", is_project_admin: false });
    expect((await login(hanami, { id: "carl", password: "correct horse" })).status).toBe(200);
  });

  test("the first start makes an admin, whose password is in the log once", async () => {
    const hanami = await startHanami({ settings: {} });
    const [, password = ""] = /"admin" with the password (\S{20})\. /.exec(hanami.logs.join("\n")) ?? [];
    expect(await login(hanami, { id: "admin", password })).toMatchObject({ status: 200, body: { is_admin: true } });
    const { folder } = hanami;
    await hanami.stop();
    const again = await startHanami({ settings: {}, folder });
    expect(again.logs.join("\n")).not.toContain("admin");
    expect(await login(again, { id: "admin", password })).toMatchObject({ status: 200 });
  });
});

describe("tokens", () => {
  test("are good after a restart of the node, not after their time, nor with a new password", async () => {
    const hanami = await startHanami();
    const anna = await hanami.login("anna");
    const { folder } = hanami;
    await hanami.stop();
    const again = await startHanami({ folder });
    const ask = async () => (await again.ask("GET", "/v1/dataset/all", { token: anna.token })).status;
    expect(await ask()).toBe(200);
    await again.send({ SetPassword: { id: "anna", password: "battery staple" } });
    expect(await ask()).toBe(401);
  });

  test("of a user who was removed are none of the next one's by that id", async () => {
    const hanami = await startHanami();
    const anna = await hanami.login("anna");
    await hanami.send({ RemoveUser: { id: "anna" } });
    await hanami.send({ AddUser: { id: "anna", password: "correct horse", project: "lab1" } });
    expect((await anna.get("/v1/dataset/all")).status).toBe(401);
    expect((await (await hanami.login("anna")).get("/v1/dataset/all")).status).toBe(200);
  });

  test("are good up to their time, and only with the secret and every letter of theirs", () => {
    const secret = new Uint8Array(32).fill(1);
    const claims = { user: "anna", project: "lab1", generation: 3, expires: 100 };
    const token = signToken(claims, secret);
    expect(isSafeToken(token)).toBe(true);
    expect(readToken(token, secret, 99.9)).toEqual(claims);
    expect(readToken(token, secret, 100)).toBeUndefined();
    expect(readToken(token, new Uint8Array(32), 0)).toBeUndefined();
    for (const changed of [`${token}.`, `x${token}`, token.slice(0, -1), "", ".", "x".repeat(10_000)])
      expect(readToken(changed, secret, 0)).toBeUndefined();
  });

  test("PUT token switches the project, to one that one is in", async () => {
    const hanami = await startHanami();
    const [root, anna] = [await hanami.login("root"), await hanami.login("anna")];
    expect((await anna.put("/v1/token", { project_id: "lab2" })).status).toBe(401);
    await root.post("/v1/user/project", { id: "anna", project_id: "lab2" });
    const { body } = await anna.put("/v1/token", { project_id: "lab2" });
    const { token } = body as { token: string };
    const made = await hanami.ask("POST", "/v1/csv/dataset", {
      token,
      body: JSON.stringify({ name: "there", input_data_size: 1 }),
    });
    expect(made.body).toMatchObject({ owner_id: "anna", project_id: "lab2" });
    await root.delete("/v1/user/project?id=anna&project_id=lab2");
    expect((await hanami.ask("GET", "/v1/dataset/all", { token })).status).toBe(401);
  });
});

describe("users and projects over REST", () => {
  test("are for admins", async () => {
    const hanami = await startHanami();
    const piaa = await hanami.login("piaa");
    for (const path of ["user/all", "project/all", "user?id=anna", "project?id=lab1"])
      expect((await piaa.get(`/v1/${path}`)).status).toBe(401);
    expect((await piaa.delete("/v1/user?id=anna")).status).toBe(401);
    expect((await piaa.get("/v1/user/project")).body).toEqual({
      projects: [{ project_id: "lab1", role: "member", is_project_admin: true }],
    });
    expect((await piaa.get("/v1/host/all")).body).toMatchObject({ header: ["uuid", "type"] });
  });

  test("are made, listed and deleted; two of one id are 409", async () => {
    const hanami = await startHanami();
    const root = await hanami.login("root");
    const project = { id: "proj", name: "Project" };
    expect((await root.post("/v1/project", project)).status).toBe(200);
    expect((await root.post("/v1/project", project)).status).toBe(409);
    expect((await root.get("/v1/project?id=proj")).body).toMatchObject({ ...project, creator_id: "root" });
    const user = { id: "dora", name: "Dora", passphrase: base64("correct horse"), is_admin: false };
    expect((await root.post("/v1/user", user)).status).toBe(200);
    expect((await root.post("/v1/user", user)).status).toBe(409);
    const { body } = await root.get("/control/v1/user/all");
    expect(body).toMatchObject({ header: ["id", "name", "creator_id", "projects", "is_admin"] });
    expect((body as { body: unknown[][] }).body).toContainEqual(["dora", "Dora", "root", [], false]);
    expect((await root.delete("/v1/user?id=root")).status).toBe(409);
    expect((await root.delete("/v1/user?id=dora")).status).toBe(200);
    expect((await root.get("/v1/user?id=dora")).status).toBe(404);
    expect((await root.delete("/v1/project?id=proj")).status).toBe(200);
    expect((await root.delete("/v1/project?id=proj")).status).toBe(404);
  });
});

describe("orders", () => {
  test("come from the node's owner, and from this package; not from others", async () => {
    const hanami = await startHanami();
    const add = { AddUser: { id: "fran", password: "correct horse" } };
    expect(await hanami.send(add, "other:other:me.os")).toEqual({ Err: "NoRootCap" });
    expect(await hanami.send("Users", "other:other:sys")).toEqual({ Err: "NoRootCap" });
    expect(await hanami.send(add)).toEqual({ Ok: null });
    expect(await hanami.send(add)).toEqual({ Err: 'There is a user "fran" already.' });
    expect(await hanami.send("Users", "child:hanami:sys")).toEqual({
      Users: expect.arrayContaining([{ id: "fran", name: "fran", is_admin: false, projects: ["default"] }]),
    });
    expect(await hanami.send({ RemoveUser: { id: "fran" } })).toEqual({ Ok: null });
    expect(await hanami.send({ RemoveUser: { id: "fran" } })).toEqual({ Err: 'There is no user "fran".' });
  });

  test("others are told what to write", async () => {
    const hanami = await startHanami({ settings: {} });
    for (const [order, text] of [
      [{ AddUser: { id: "f" } }, /"password" is missing/],
      [{ AddUser: { id: "a-b-c", password: "correct horse" } }, /"id" must match/],
      [{ AddUser: { id: "fran", password: "short" } }, /"password" must be at least 8 characters/],
      [{ AddUser: null }, /is missing/],
      [{ Nothing: {} }, /must be one of AddUser, RemoveUser, SetPassword, Users/],
      [{ toString: {} }, /must be one of/],
      [7, /must be one of/],
    ] as const)
      expect([order, await hanami.send(order)]).toEqual([order, { Err: expect.stringMatching(text) }]);
  });
});

describe("settings", () => {
  test.each([
    [{ user: [] }, 'Cannot use setting "user" as hanami has none of that name: known are users, limits, children'],
    [{ users: {} }, 'Cannot use setting "users" as it must be a list'],
    [{ users: [{ id: "anna" }] }, 'Cannot use setting "users"[0] as it is no user: The field "password" is missing.'],
    [{ limits: { users: 0 } }, 'Cannot set limit "users" as it must be 1 to 100000 users: got 0'],
    [{ limits: { nothing: 1 } }, 'Cannot set limit "nothing" as there is none of that name'],
    [{ children: "isolated" }, 'Cannot use setting "children" as it must be "worker" or "inline": got "isolated"'],
  ])("%j is refused with name, rule and value", (settings, text) => {
    expect(() => hanamiSettings(settings, true)).toThrow(text);
  });

  test("a wrong one keeps it from starting, and the crash says why", async () => {
    const hanami = await startHanami({ settings: { user: [] } });
    expect(hanami.crashes[0]).toContain('Cannot use setting "user"');
    expect((await hanami.ask("GET", "/v1/dataset/all")).status).toBe(404);
  });

  test("users that are there already stay as they are", async () => {
    const { folder, ...first } = await startHanami();
    await first.stop();
    const users = USERS.map((user) => ({ ...user, password: "battery staple" }));
    const again = await startHanami({ folder, settings: { users } });
    expect((await again.login("anna")).token).toBeDefined();
  });
});

describe("Throttle", () => {
  const limits = hanamiLimits({ loginFailures: 2, loginDelayed: 1, logins: 1, loginQueue: 1, loginAddresses: 2 });
  const wrong = async (): Promise<undefined> => undefined;
  const right = async (): Promise<string> => "in";

  function throttle(): { readonly throttle: Throttle; readonly slept: number[]; pass(ms: number): void } {
    let now = 0;
    const slept: number[] = [];
    const sleep = async (ms: number): Promise<void> => void slept.push(ms);
    return {
      throttle: new Throttle({ limits, now: () => now, sleep }),
      slept,
      pass: (ms) => {
        now += ms;
      },
    };
  }

  test("an address that failed too often waits before each try, until its time is over or it succeeds", async () => {
    const t = throttle();
    for (let turn = 0; turn < 2; turn++) await t.throttle.run("a", wrong);
    expect(t.slept).toEqual([]);
    await t.throttle.run("a", wrong);
    expect(t.slept).toEqual([limits.loginDelay]);
    await t.throttle.run("b", wrong);
    expect(t.slept).toHaveLength(1);
    expect(await t.throttle.run("a", right)).toBe("in");
    await t.throttle.run("a", right);
    expect(t.slept).toHaveLength(2);
    for (let turn = 0; turn < 2; turn++) await t.throttle.run("a", wrong);
    t.pass(limits.loginWindow);
    await t.throttle.run("a", wrong);
    expect(t.slept).toHaveLength(2);
  });

  test("so many are checked at once, so many wait, one more is refused", async () => {
    const { throttle: one } = throttle();
    let finish: (value: string) => void = () => undefined;
    const first = one.run(
      "a",
      () =>
        new Promise<string>((resolve) => {
          finish = resolve;
        }),
    );
    const second = one.run("b", right);
    await expect(one.run("c", right)).rejects.toMatchObject({ status: 401 });
    finish("first");
    expect([await first, await second]).toEqual(["first", "in"]);
    expect(await one.run("c", right)).toBe("in");
  });

  test("so many wait for their delay, one more is refused unseen", async () => {
    let wake: () => void = () => undefined;
    const sleep = (): Promise<void> =>
      new Promise((resolve) => {
        wake = resolve;
      });
    const one = new Throttle({ limits, now: () => 0, sleep });
    for (let turn = 0; turn < 2; turn++) await one.run("a", wrong);
    const late = one.run("a", right);
    await expect(one.run("a", right)).rejects.toMatchObject({ status: 401 });
    wake();
    expect(await late).toBe("in");
  });

  test("so many addresses are remembered: the oldest is forgotten", async () => {
    const t = throttle();
    for (const address of ["a", "a", "b", "c"]) await t.throttle.run(address, wrong);
    await t.throttle.run("a", wrong);
    expect(t.slept).toEqual([]);
  });
});

/** Hanami's REST as any client meets it: prefixes, order of checks, statuses, fields (contract hanami §1.2, §2). */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { destroyAll } from "../../support/sockets.ts";
import { type Client, type HanamiNode, startHanami, stopHanami } from "./node.ts";

const UNKNOWN = "11111111-2222-4333-8444-555555555555";
const LOGIN = { id: "anna", password: "correct horse" };

let hanami: HanamiNode;
let anna: Client;

beforeAll(async () => {
  hanami = await startHanami();
  anna = await hanami.login("anna");
});
afterEach(destroyAll);
afterAll(stopHanami);

describe("prefixes", () => {
  test.each(["/control/v1", "/v1", "/control/v1.0alpha", "/v1.0alpha"])(
    "%s has a login and data sets",
    async (prefix) => {
      const { status, type, body } = await hanami.ask("POST", `${prefix}/token`, { body: JSON.stringify(LOGIN) });
      expect({ status, type, body }).toEqual({
        status: 200,
        type: "text/json",
        body: { id: "anna", name: "anna", is_admin: false, token: expect.stringMatching(/^[A-Za-z0-9_.-]+$/) },
      });
      const { token } = body as { token: string };
      expect(await hanami.ask("GET", `${prefix}/dataset/all`, { token })).toMatchObject({
        status: 200,
        type: "text/json",
      });
    },
  );

  test.each(["mnist/dataset", "dataset/upload/mnist"])("both names of an upload: %s", async (path) => {
    for (const prefix of ["/control/v1", "/v1", "/v1.0alpha"]) {
      const body = { name: "digits", input_data_size: 16, label_data_size: 8 };
      expect((await anna.post(`${prefix}/${path}`, body)).status).toBe(200);
      const put = { uuid: UNKNOWN, uuid_input_file: UNKNOWN, uuid_label_file: UNKNOWN };
      expect((await anna.put(`${prefix}/${path}`, put)).status).toBe(404);
    }
  });

  test.each([
    ["/control/v1", ["uuid", "project_id", "owner_id", "visibility", "name", "type"]],
    ["/v1", ["created_at", "uuid", "project_id", "owner_id", "visibility", "name"]],
    ["/v1.0alpha", ["created_at", "uuid", "project_id", "owner_id", "visibility", "name"]],
  ])("%s has its own columns of tables", async (prefix, header) => {
    const { body } = await anna.get(`${prefix}/dataset/all`);
    expect(body).toMatchObject({ header });
    for (const row of (body as { body: unknown[][] }).body) expect(row).toHaveLength(header.length);
  });
});

describe("order of checks", () => {
  const token = "no.token";

  test.each(["HEAD", "PATCH", "OPTIONS"])("method %s is 400, before anything else", async (method) => {
    expect((await hanami.ask(method, "/v1/dataset/all")).status).toBe(400);
  });

  test("a path with .. is 400, without a token", async () => {
    expect(await hanami.ask("GET", "/v1/../dataset/all")).toMatchObject({
      status: 400,
      body: 'The path must not have ".." in it.',
    });
  });

  test.each(["", "{", "[]", "null", '"text"'])("a body of %j is 400, without a token", async (body) => {
    expect((await hanami.ask("POST", "/v1/cluster", { body })).status).toBe(400);
    expect((await hanami.ask("PUT", "/v1/csv/dataset", { body })).status).toBe(400);
  });

  test("a body is JSON whatever its Content-Type says", async () => {
    for (const type of ["text/html", "application/x-www-form-urlencoded", "multipart/form-data"])
      expect(
        (await hanami.ask("POST", "/v1/token", { body: JSON.stringify(LOGIN), headers: { "content-type": type } }))
          .status,
      ).toBe(200);
  });

  test("no token, another's, and one with a letter changed are 401, whatever else is wrong", async () => {
    const path = "/v1/dataset?uuid=no&also=this";
    expect((await hanami.ask("GET", path)).status).toBe(401);
    expect((await hanami.ask("GET", path, { token })).status).toBe(401);
    const changed = anna.token.replace(/.$/, (letter) => (letter === "A" ? "Q" : "A"));
    expect((await hanami.ask("GET", path, { token: changed })).status).toBe(401);
    expect((await hanami.ask("GET", "/v1/nothing", { token })).status).toBe(401);
  });

  test("in G1 a token with other letters is 400, in later ones 401", async () => {
    for (const [prefix, status] of [
      ["/control/v1", 400],
      ["/v1", 401],
      ["/v1.0alpha", 401],
    ] as const)
      expect((await hanami.ask("GET", `${prefix}/dataset/all`, { token: "no token!" })).status).toBe(status);
  });

  test("an unknown path is 404", async () => {
    for (const path of ["/", "/v1", "/v2/dataset/all", "/v1/nothing", "/v1/dataset/all/more"])
      expect((await anna.get(path)).status).toBe(404);
    expect((await anna.delete("/v1/dataset/all")).status).toBe(404);
  });
});

describe("fields", () => {
  test.each([
    [{}, 'The field "input_data_size" is missing.'],
    [{ name: "test" }, 'The field "input_data_size" is missing.'],
    [{ name: "test", input_data_size: 1, more: 1 }, 'There is no field "more" here'],
    [{ name: 7, input_data_size: "1" }, 'The field "input_data_size" must be of type integer: got "1"'],
    [{ name: 7, input_data_size: 1.5 }, 'The field "input_data_size" must be of type integer'],
    [{ name: "test", input_data_size: 0 }, 'The field "input_data_size" must be at least 1: got 0.'],
    [{ name: "test", input_data_size: 10_000_000_001 }, 'The field "input_data_size" must be at most 10000000000'],
    [{ name: 7, input_data_size: 1 }, 'The field "name" must be of type text: got 7.'],
    [{ name: [{}], input_data_size: 1 }, 'The field "name" must be of type text: got an array.'],
    [{ name: null, input_data_size: 1 }, 'The field "name" must be of type text: got null.'],
    [{ name: "a-b-c", input_data_size: 1 }, 'The field "name" must match'],
    [{ name: "1abc", input_data_size: 1 }, 'The field "name" must match'],
    [{ name: "abc", input_data_size: 1 }, 'The field "name" must be at least 4 characters: got 3.'],
    [{ name: "a".repeat(257), input_data_size: 1 }, 'The field "name" must be at most 256 characters: got 257.'],
  ])("%j is 400", async (body, text) => {
    const answer = await anna.post("/v1/csv/dataset", body);
    expect(answer).toMatchObject({ status: 400, type: "text/plain; charset=utf-8" });
    expect(answer.body).toContain(text);
  });

  test.each(["abcd", "a".repeat(256), "Test 1_2"])("a data set may be called %j", async (name) => {
    expect((await anna.post("/v1/csv/dataset", { name, input_data_size: 1 })).status).toBe(200);
  });

  test("one nested deeper than a stack is 400", async () => {
    const name = `${"[".repeat(200_000)}${"]".repeat(200_000)}`;
    const body = `{"input_data_size":1,"name":${name}}`;
    expect((await hanami.ask("POST", "/v1/csv/dataset", { token: anna.token, body })).status).toBe(400);
  });

  test("a malformed uuid is 400, a well-formed unknown one 404, in either case", async () => {
    for (const uuid of ["no", "", "123", "1.5", `${UNKNOWN}0`, UNKNOWN.replace("-", "_")])
      expect((await anna.get(`/v1/dataset?uuid=${uuid}`)).status).toBe(400);
    expect((await anna.get("/v1/dataset")).status).toBe(400);
    expect((await anna.get(`/v1/dataset?uuid=${UNKNOWN}`)).status).toBe(404);
    expect((await anna.delete(`/v1/dataset?uuid=${UNKNOWN.toUpperCase()}`)).status).toBe(404);
  });

  test("a number in the query is a number, and no text", async () => {
    expect((await anna.get("/v1/dataset?uuid=123")).body).toBe('The field "uuid" must be of type text: got 123.');
  });
});

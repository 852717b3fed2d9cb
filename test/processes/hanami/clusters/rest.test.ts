/** Clusters, modes, checkpoints over REST: shapes and statuses of every generation (contract hanami §3.3). */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { ProcessId } from "../../../../lib/protocol/index.ts";
import { type Client, HANAMI, type HanamiAnswer, type HanamiNode, startHanami, stopHanami, USERS } from "../node.ts";
import { base64, finished, T1, T3 } from "./templates.ts";

// One node for most of them: passwords are hashed slowly, on purpose.
let shared: HanamiNode;
beforeAll(async () => {
  shared = await startHanami();
});
afterEach(async () => {
  const root = await shared.login("root");
  for (const [what, uuids] of [
    ["cluster", await uuidsOf(root, "cluster")],
    ["checkpoint", await uuidsOf(root, "checkpoint")],
  ] as const)
    for (const uuid of uuids) await root.delete(`/v1/${what}?uuid=${uuid}`);
});
afterAll(stopHanami);

async function uuidsOf(client: Client, what: string): Promise<readonly string[]> {
  const { body } = await client.get(`/control/v1/${what}/all`);
  return (body as { readonly body: readonly (readonly string[])[] }).body.map(([uuid = ""]) => uuid);
}

const UNKNOWN = "00000000-0000-4000-8000-00000000ffff";
const UUID = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
const STAMP = expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);

async function create(client: Client, name: string, template = T1): Promise<string> {
  const answer = await client.post("/v1/cluster", { name, template: base64(template) });
  expect(answer).toMatchObject({ status: 200 });
  return (answer.body as { readonly uuid: string }).uuid;
}

function statusAndBody({ status, body }: HanamiAnswer): readonly [number, unknown] {
  return [status, body];
}

describe("POST cluster", () => {
  test.each(["/control/v1", "/v1", "/v1.0alpha"])("makes one under %s", async (prefix) => {
    const anna = await shared.login("anna");
    const made = await anna.post(`${prefix}/cluster`, { name: "my cluster", template: base64(T1) });
    const shown = {
      uuid: UUID,
      name: "my cluster",
      owner_id: "anna",
      project_id: "lab1",
      visibility: "private",
      created_at: STAMP,
    };
    expect(made).toEqual({ status: 200, type: "text/json", body: shown });
    const { uuid } = made.body as { readonly uuid: string };
    const got = await anna.get(`${prefix}/cluster?uuid=${uuid}`);
    expect(got.body).toMatchObject({ ...shown, uuid, number_of_blocks: 3, number_of_sections: 0, dialect: "T1" });
  });

  test("without a template, or an empty one, a cluster has no network", async () => {
    const anna = await shared.login("anna");
    for (const body of [{ name: "none" }, { name: "empty", template: "" }]) {
      const { status, body: made } = await anna.post("/v1/cluster", body);
      expect(status).toBe(200);
      const { uuid } = made as { readonly uuid: string };
      expect((await anna.get(`/v1/cluster?uuid=${uuid}`)).body).toMatchObject({ inputs: [], outputs: [] });
    }
  });

  test.each([
    ["no base64", "***", 'The field "template" must be base64.'],
    ["base64 without its padding", "dmVyc2lvbg", 'The field "template" must be base64.'],
    ["no UTF-8", Buffer.of(0xff).toString("base64"), 'The field "template" must be base64 of a text in UTF-8.'],
    [
      "no template",
      base64("version: 1\nbricks:\n  x\n"),
      'Cannot read the template at line 3, column 3: a position X,Y,Z is expected, not "x".',
    ],
    ["a number", 5, 'The field "template" must be of type text: got 5.'],
  ])("answers 400 for %s, and makes none", async (_, template, text) => {
    const anna = await shared.login("anna");
    expect(statusAndBody(await anna.post("/v1/cluster", { name: "mine", template }))).toEqual([400, text]);
    expect((await anna.get("/v1/cluster/all")).body).toMatchObject({ body: [] });
  });

  test("answers 409 for a name that a visible cluster has; another project's does not count", async () => {
    const hanami = shared;
    const [anna, evey] = [await hanami.login("anna"), await hanami.login("evey")];
    await create(anna, "mine");
    expect(statusAndBody(await anna.post("/v1/cluster", { name: "mine", template: base64(T1) }))).toEqual([
      409,
      'There is a cluster "mine" already: take another name.',
    ]);
    await create(evey, "mine");
  });

  test("two of one name side by side: one of them is made", async () => {
    const anna = await shared.login("anna");
    const both = [1, 2].map(() => anna.post("/v1/cluster", { name: "mine", template: base64(T1) }));
    expect((await Promise.all(both)).map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  test("takes as many as the limits say, and no more", async () => {
    const hanami = await startHanami({ settings: { users: USERS, limits: { clusters: 2, clustersTotal: 3 } } });
    const [anna, bobb] = [await hanami.login("anna"), await hanami.login("bobb")];
    await create(anna, "one1");
    await create(anna, "two2");
    const more = { name: "more", template: "" };
    expect(statusAndBody(await anna.post("/v1/cluster", more))).toEqual([
      400,
      "You have 2 clusters, and may have 2 (limit clusters).",
    ]);
    await create(bobb, "three");
    expect(statusAndBody(await bobb.post("/v1/cluster", more))).toEqual([
      400,
      "This node has 3 clusters, the most it takes (limit clustersTotal).",
    ]);
  });
});

describe("cluster, cluster/all", () => {
  test("lists in the columns of each generation what the caller may see", async () => {
    const hanami = shared;
    const clients = await Promise.all(["anna", "bobb", "piaa", "root"].map((id) => hanami.login(id)));
    const [anna, bobb, piaa, root] = clients as [Client, Client, Client, Client];
    const uuid = await create(anna, "mine");
    const header = ["uuid", "project_id", "owner_id", "visibility", "name"];
    const row = [uuid, "lab1", "anna", "private", "mine"];
    expect((await anna.get("/control/v1/cluster/all")).body).toEqual({ header, body: [row] });
    const newer = { header: ["created_at", ...header], body: [[STAMP, ...row]] };
    for (const prefix of ["/v1", "/v1.0alpha"]) expect((await anna.get(`${prefix}/cluster/all`)).body).toEqual(newer);
    expect((await bobb.get("/v1/cluster/all")).body).toMatchObject({ body: [] });
    for (const client of [piaa, root]) expect((await client.get("/v1/cluster/all")).body).toEqual(newer);
  });

  test("a malformed uuid is 400, an unknown one 404, and a foreign one looks like an unknown one", async () => {
    const hanami = shared;
    const [anna, bobb] = [await hanami.login("anna"), await hanami.login("bobb")];
    const uuid = await create(anna, "mine");
    expect((await anna.get("/v1/cluster?uuid=mine")).status).toBe(400);
    expect(statusAndBody(await anna.get(`/v1/cluster?uuid=${UNKNOWN}`))).toEqual([
      404,
      `There is no cluster ${UNKNOWN}.`,
    ]);
    const task = { name: "task", cluster_uuid: uuid };
    const mode = { uuid, new_state: "DIRECT" };
    const foreign = [
      await bobb.get(`/v1/cluster?uuid=${uuid}`),
      await bobb.delete(`/v1/cluster?uuid=${uuid}`),
      await bobb.put("/v1/cluster/set_mode", mode),
      await bobb.post("/v1/cluster/save", task),
      await bobb.post("/v1/cluster/load", { checkpoint_uuid: UNKNOWN, cluster_uuid: uuid }),
      await bobb.get(`/v1/task/all?cluster_uuid=${uuid}`),
      await bobb.get(`/v1/task?cluster_uuid=${uuid}&uuid=${UNKNOWN}`),
      await bobb.delete(`/v1/task?cluster_uuid=${uuid}&uuid=${UNKNOWN}`),
      await bobb.post("/v1/task", { ...task, type: "train", dataset_uuid: UNKNOWN }),
      await bobb.post("/v1/task/train", { ...task, inputs: { a: UNKNOWN }, outputs: { b: UNKNOWN } }),
      await bobb.post("/v1/task/request", { ...task, inputs: { a: UNKNOWN }, results: { b: "c" } }),
    ];
    for (const answer of foreign) expect(statusAndBody(answer)).toEqual([404, `There is no cluster ${uuid}.`]);
    expect((await anna.put("/v1/cluster/set_mode", mode)).status).toBe(200); // it was left alone
  });

  test("DELETE answers {} once, then 404; the name is free again", async () => {
    const anna = await shared.login("anna");
    const uuid = await create(anna, "mine");
    expect(statusAndBody(await anna.delete(`/v1/cluster?uuid=${uuid}`))).toEqual([200, {}]);
    expect((await anna.delete(`/v1/cluster?uuid=${uuid}`)).status).toBe(404);
    expect((await anna.get("/v1/cluster/all")).body).toMatchObject({ body: [] });
    await create(anna, "mine");
  });
});

describe("a restart of hanami itself", () => {
  test("clusters are there again, with their names and modes; the deleted stay so", async () => {
    const hanami = await startHanami({ settings: { users: USERS.slice(0, 1) } });
    const anna = await hanami.login("anna");
    const [uuid, gone] = [await create(anna, "mine"), await create(anna, "gone")];
    await anna.put("/v1/cluster/set_mode", { uuid, new_state: "DIRECT" });
    await anna.delete(`/v1/cluster?uuid=${gone}`);
    const before = (await anna.get("/v1/cluster/all")).body;
    const process = hanami.node.kernel.registry.get(ProcessId.parse(HANAMI));
    process?.restartAfterHand();
    process?.restartNow();
    expect((await anna.get("/v1/cluster/all")).body).toEqual(before);
    expect((await anna.put("/v1/cluster/set_mode", { uuid, new_state: "DIRECT" })).status).toBe(409);
    expect((await anna.put("/v1/cluster/set_mode", { uuid, new_state: "TASK" })).status).toBe(200);
    expect((await anna.post("/v1/cluster", { name: "mine", template: "" })).status).toBe(409);
  });
});

describe("cluster/set_mode", () => {
  test("switches there and back, and answers 409 for the mode it has", async () => {
    const anna = await shared.login("anna");
    const uuid = await create(anna, "mine");
    const set = (new_state: string, more = {}): Promise<HanamiAnswer> =>
      anna.put("/v1/cluster/set_mode", { uuid, new_state, ...more });
    expect(statusAndBody(await set("TASK"))).toEqual([409, "The cluster is in TASK mode already."]);
    expect((await set("DIRECT")).body).toMatchObject({ uuid, name: "mine", new_state: "DIRECT", created_at: STAMP });
    expect(statusAndBody(await set("DIRECT"))).toEqual([409, "The cluster is in DIRECT mode already."]);
    expect((await set("TASK", { connection_uuid: UNKNOWN })).status).toBe(200);
    expect((await set("DIRECT", { connection_uuid: "mine" })).status).toBe(400);
    expect((await set("direct")).status).toBe(400);
    expect((await anna.put("/v1/cluster/set_mode", { uuid: UNKNOWN, new_state: "TASK" })).status).toBe(404);
  });
});

describe("cluster/switch_host", () => {
  test("knows the one host there is", async () => {
    const anna = await shared.login("anna");
    const cluster_uuid = await create(anna, "mine");
    const { body } = await anna.get("/v1/host/all");
    const host_uuid = (body as { readonly body: readonly string[][] }).body[0]?.[0];
    const moved = await anna.put("/v1.0alpha/cluster/switch_host", { cluster_uuid, host_uuid, hexagon_id: 1 });
    expect(moved).toMatchObject({ status: 200, body: { uuid: cluster_uuid, name: "mine" } });
    const nowhere = { cluster_uuid, host_uuid: UNKNOWN };
    expect(statusAndBody(await anna.put("/v1/cluster/switch_host", nowhere))).toEqual([
      404,
      `There is no host ${UNKNOWN}.`,
    ]);
  });
});

describe("checkpoints", () => {
  test("a saved cluster is listed, loaded into another, and deleted, as the original's script does", async () => {
    const hanami = shared;
    const [anna, bobb] = [await hanami.login("anna"), await hanami.login("bobb")];
    const from = await create(anna, "from");
    const saved = await anna.post("/v1/cluster/save", { name: "kept", cluster_uuid: from });
    const { uuid } = saved.body as { readonly uuid: string };
    expect(saved).toMatchObject({ status: 200, body: { uuid: UUID, name: "kept", state: "queued" } });
    await anna.delete(`/v1/cluster?uuid=${from}`); // at once: what was to be saved is saved first
    const header = ["created_at", "uuid", "project_id", "owner_id", "visibility", "name"];
    const body = [[STAMP, uuid, "lab1", "anna", "private", "kept"]];
    expect((await anna.get("/v1/checkpoint/all")).body).toEqual({ header, body });
    expect((await anna.get("/control/v1/checkpoint/all")).body).toMatchObject({ header: header.slice(1) });
    expect((await bobb.get("/v1/checkpoint/all")).body).toMatchObject({ body: [] });
    expect((await anna.get(`/v1/checkpoint?uuid=${uuid}`)).body).toMatchObject({ uuid, name: "kept" });

    const to = await create(anna, "other");
    const load = { checkpoint_uuid: uuid, cluster_uuid: to };
    expect((await bobb.delete(`/v1/checkpoint?uuid=${uuid}`)).status).toBe(404);
    const loaded = await anna.post("/v1/cluster/load", load);
    expect(loaded).toMatchObject({ status: 200, body: { uuid: UUID } });
    // Deleted while the load may still wait: it has a copy of its own.
    expect(statusAndBody(await anna.delete(`/v1/checkpoint?uuid=${uuid}`))).toEqual([200, {}]);
    expect((await anna.delete(`/v1/checkpoint?uuid=${uuid}`)).status).toBe(404);
    expect((await anna.post("/v1/cluster/load", load)).status).toBe(404);
    const task = (loaded.body as { readonly uuid: string }).uuid;
    expect(await finished(anna, to, task)).toMatchObject({ state: "finished" });
  });

  test("one of another shape is refused with 400 at once; one without sizes has nothing to save", async () => {
    const anna = await shared.login("anna");
    const from = await create(anna, "from");
    const { body } = await anna.post("/v1/cluster/save", { name: "kept", cluster_uuid: from });
    const { uuid: task } = body as { readonly uuid: string };
    await finished(anna, from, task);
    const other = await create(anna, "other", T1.replace("neurons: 4", "neurons: 5"));
    const load = { checkpoint_uuid: task, cluster_uuid: other };
    expect(statusAndBody(await anna.post("/v1/cluster/load", load))).toEqual([
      400,
      "The checkpoint does not fit: it has inner layers of 4, the cluster of 5.",
    ]);
    const sizeless = await create(anna, "sizeless", T3);
    expect(statusAndBody(await anna.post("/v1/cluster/save", { name: "kept", cluster_uuid: sizeless }))).toEqual([
      400,
      "There is nothing to save: sizes of the network are not known before its first data.",
    ]);
  });

  test("outlive the node, clusters do not", async () => {
    const first = await startHanami();
    const anna = await first.login("anna");
    const cluster = await create(anna, "mine");
    const { body } = await anna.post("/v1/cluster/save", { name: "kept", cluster_uuid: cluster });
    await finished(anna, cluster, (body as { readonly uuid: string }).uuid);
    await first.stop();
    const again: HanamiNode = await startHanami({ folder: first.folder });
    const later = await again.login("anna");
    expect((await later.get("/v1/cluster/all")).body).toMatchObject({ body: [] });
    expect((await later.get("/v1/checkpoint/all")).body).toMatchObject({ body: [expect.arrayContaining(["kept"])] });
  });

  test("takes as many as the limit says, and no more", async () => {
    const hanami = await startHanami({ settings: { users: USERS, limits: { checkpoints: 1 } } });
    const anna = await hanami.login("anna");
    const cluster_uuid = await create(anna, "mine");
    const { body } = await anna.post("/v1/cluster/save", { name: "kept", cluster_uuid });
    await finished(anna, cluster_uuid, (body as { readonly uuid: string }).uuid);
    expect(statusAndBody(await anna.post("/v1/cluster/save", { name: "more", cluster_uuid }))).toEqual([
      400,
      "You have 1 checkpoints, the most you may have (limit checkpoints).",
    ]);
  });
});

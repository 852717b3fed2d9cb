/** Tasks over REST: what is refused before it is queued, the order of several, and how they end (contract hanami §3.4). */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { ProcessId } from "../../../../lib/protocol/index.ts";
import { destroyAll } from "../../../support/sockets.ts";
import { digits } from "../digits.ts";
import { type Client, type HanamiAnswer, type HanamiNode, startHanami, stopHanami, USERS } from "../node.ts";
import { uploadDigits } from "../sockets.ts";
import { base64, finished, T1, T2, T3 } from "./templates.ts";

const UNKNOWN = "00000000-0000-4000-8000-00000000ffff";
const LONG = T1.replace("number_of_neurons: 4", "number_of_neurons: 2000"); // some ms a row: long enough to be met at work

let hanami: HanamiNode;
let anna: Client;
let set: string;
let small: string;
beforeAll(async () => {
  hanami = await startHanami({
    settings: { users: USERS, limits: { tasks: 3, tasksKept: 2, taskRows: 2000, dataSets: 5, userBytes: 400_000 } },
  });
  anna = await hanami.login("anna");
  set = await uploadDigits(hanami.port, anna, "digits", digits("digits", 2000));
  small = await uploadDigits(hanami.port, anna, "few digits", digits("few", 20));
});
afterEach(async () => {
  for (const uuid of made.splice(0)) await anna.delete(`/v1/cluster?uuid=${uuid}`);
  destroyAll();
});
afterAll(stopHanami);

const made: string[] = [];
async function create(template: string): Promise<string> {
  const { body } = await anna.post("/v1/cluster", { name: `mine ${made.length}`, template: base64(template) });
  const { uuid } = body as { readonly uuid: string };
  made.push(uuid);
  return uuid;
}

function train(cluster_uuid: string, dataset_uuid = small): Promise<HanamiAnswer> {
  return anna.post("/control/v1/task", { name: "task", type: "train", cluster_uuid, dataset_uuid });
}
async function uuidOf(answer: Promise<HanamiAnswer>): Promise<string> {
  const { status, body } = await answer;
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return (body as { readonly uuid: string }).uuid;
}
async function view(cluster: string, task: string): Promise<Record<string, unknown>> {
  return (await anna.get(`/v1/task?uuid=${task}&cluster_uuid=${cluster}`)).body as Record<string, unknown>;
}

describe("a task is refused at once", () => {
  const input = { dataset_uuid: "small", dataset_column: "picture", hexagon_name: "picture_hex" };
  const output = { ...input, dataset_column: "label", hexagon_name: "label_hex" };
  test.each([
    [
      "with an unknown data set",
      404,
      { inputs: [{ ...input, dataset_uuid: UNKNOWN }] },
      `There is no data set ${UNKNOWN}.`,
    ],
    [
      "with no uuid",
      400,
      { inputs: [{ ...input, dataset_uuid: "digits" }] },
      'A data set is named by its uuid: got "digits".',
    ],
    ["with an unknown name", 400, { inputs: [{ ...input, hexagon_name: "eye" }] }, 'The cluster has no input "eye".'],
    ["with a name twice", 400, { inputs: [input, input] }, 'The input "picture_hex" is there twice.'],
    [
      "with an unknown column",
      400,
      { outputs: [{ ...output, dataset_column: "answer" }] },
      'has no column "answer": it has "picture", "label".',
    ],
    [
      "without a column",
      400,
      { inputs: [{ hexagon_name: "picture_hex", dataset_uuid: UNKNOWN }] },
      "There is no data set",
    ],
    ["without a name", 400, { inputs: [{ dataset_uuid: UNKNOWN }] }, "'hexagon_name' is missing."],
    ["without inputs", 400, { inputs: [] }, 'The field "inputs" must have 1 to 1000 entries: got 0.'],
    ["with inputs that are a text", 400, { inputs: "picture" }, 'The field "inputs" must be of type object or array'],
    ["with a time length of 0", 400, { time_length: 0 }, 'The field "time_length" must be at least 1: got 0.'],
    [
      "with a time length beyond the rows",
      400,
      { time_length: 21 },
      "The data sets have no row for a time length of 21.",
    ],
  ])("%s", async (_, status, more, text) => {
    const body = { name: "task", cluster_uuid: await create(T3), inputs: [input], outputs: [output], ...more };
    const sent = JSON.parse(JSON.stringify(body).replaceAll('"small"', `"${small}"`)) as unknown;
    const answer = await anna.post("/v1.0alpha/task/train", sent);
    expect(answer.status).toBe(text.startsWith("There is no") ? 404 : status);
    expect(answer.body).toContain(text);
    expect((await anna.get(`/v1/task/all?cluster_uuid=${made[0]}`)).body).toMatchObject({ body: [] });
  });

  test("another's data set is like an unknown one", async () => {
    const cluster_uuid = await create(T1);
    const bobb = await hanami.login("bobb");
    const foreign = await uploadDigits(hanami.port, bobb, "not for all", digits("b", 5));
    expect(await train(cluster_uuid, foreign)).toMatchObject({ status: 404, body: `There is no data set ${foreign}.` });
  });

  test("leaves the cluster as it was: sizes that were not known are not fixed by what was refused", async () => {
    const cluster_uuid = await create(T3);
    const of = (dataset_column: string, hexagon_name: string) => [
      { dataset_uuid: small, dataset_column, hexagon_name },
    ];
    const ask = (input: string, output: string): Promise<HanamiAnswer> => {
      const ports = { inputs: of(input, "picture_hex"), outputs: of(output, "label_hex") };
      return anna.post("/v1.0alpha/task/train", { name: "task", cluster_uuid, ...ports });
    };
    expect((await ask("label", "answer")).status).toBe(400); // mixed up: 10 values for the picture
    expect((await ask("picture", "label")).status).toBe(200);
  });

  test("with vectors of another size than the cluster's", async () => {
    const { status, body } = await train(await create(T1.replace("64", "63")));
    expect([status, body]).toEqual([400, 'Column "picture" does not fit: input "picture" has 63 values, not 64.']);
  });

  test("a request of a cluster whose outputs nobody has seen; one with a column twice", async () => {
    const cluster_uuid = await create(T3);
    const inputs = [{ ...input, dataset_uuid: small }];
    const results = [{ hexagon_name: "label_hex", dataset_column: "answer" }];
    const ask = (more: object): Promise<HanamiAnswer> =>
      anna.post("/v1/task/request", { name: "task", cluster_uuid, inputs, results, ...more });
    expect((await ask({})).body).toBe('The size of output "label_hex" is not known yet: train the cluster first.');
    expect((await ask({ results: { label_hex: 5 } })).body).toBe(
      'The result "label_hex" must be the name of a column.',
    );
    const other = await create(T2);
    const twice = { inputs: { picture: small }, results: [...results, ...results] };
    expect((await ask({ ...twice, cluster_uuid: other })).body).toBe('The cluster has no output "label_hex".');
  });

  test("a request whose result would be more than its owner may still have", async () => {
    const cluster_uuid = await create(T2.replace("number_of_outputs: 10", "number_of_outputs: 64"));
    const ask = (picture: string): Promise<HanamiAnswer> =>
      anna.post("/v1/task/request", { name: "task", cluster_uuid, inputs: { picture }, results: { label: "answer" } });
    const { status, body } = await ask(set);
    expect([status, body]).toEqual([400, expect.stringMatching(/^The result would have 512000 bytes, .*userBytes/)]);
    const task = await uuidOf(ask(small));
    expect(await finished(anna, cluster_uuid, task)).toMatchObject({ state: "finished" });
    await anna.delete(`/v1/dataset?uuid=${task}`);
  });

  test("of the first generation, by a cluster with two inputs or without a network", async () => {
    const two = `${T1}\n4,1,1\ninput: more\nnumber_of_neurons: 1\n`;
    expect((await train(await create(two))).body).toBe(
      "A task of this kind needs a cluster with one of inputs: this one has 2.",
    );
    expect((await train(await create(""))).status).toBe(400);
  });

  test("with more rows than the limit says, and not with as many", async () => {
    const cluster = await create(LONG);
    expect((await train(cluster, set)).status).toBe(200);
    const more = await uploadDigits(hanami.port, anna, "more digits", digits("more", 2001));
    expect((await train(cluster, more)).body).toBe("The data sets have 2001 rows, a task takes 2000 (limit taskRows).");
    await anna.delete(`/v1/dataset?uuid=${more}`);
  });
});

describe("tasks", () => {
  test("run one after the other; DIRECT mode waits for them, and they for TASK mode", async () => {
    const cluster = await create(LONG);
    const mode = async (new_state: string): Promise<number> =>
      (await anna.put("/v1/cluster/set_mode", { uuid: cluster, new_state })).status;
    const [first, second] = [await uuidOf(train(cluster, set)), await uuidOf(train(cluster))];
    expect(await view(cluster, second)).toMatchObject({ state: "queued", start_timestamp: "-", end_timestamp: "-" });
    expect(await mode("DIRECT")).toBe(409);
    expect(await anna.delete(`/v1/task?uuid=${first}&cluster_uuid=${cluster}`)).toMatchObject({
      status: 200,
      body: {},
    });
    expect(await finished(anna, cluster, second)).toMatchObject({ state: "finished", current_cycle: 20 });
    expect(await view(cluster, first)).toMatchObject({ state: "aborted", error: "it was deleted" });
    expect(await mode("DIRECT")).toBe(200);
    const third = await uuidOf(train(cluster));
    expect(await view(cluster, third)).toMatchObject({ state: "queued" });
    expect(await mode("TASK")).toBe(200);
    expect(await finished(anna, cluster, third)).toMatchObject({ state: "finished" });
  });

  test("a queued one that is deleted is gone; as many wait as the limit says, and no more", async () => {
    const cluster = await create(LONG);
    const tasks = [await uuidOf(train(cluster, set)), await uuidOf(train(cluster)), await uuidOf(train(cluster))];
    expect(await train(cluster)).toMatchObject({
      status: 400,
      body: "The cluster has 3 tasks that wait or run, the most it takes (limit tasks).",
    });
    const last = `uuid=${tasks[2]}&cluster_uuid=${cluster}`;
    expect((await anna.delete(`/v1/task?${last}`)).status).toBe(200);
    expect((await anna.get(`/v1/task?${last}`)).status).toBe(404);
    expect((await train(cluster)).status).toBe(200);
  });

  test("of those that are over the last are kept", async () => {
    const cluster = await create(T1);
    const tasks: string[] = [];
    for (let count = 0; count < 3; count++) {
      tasks.push(await uuidOf(train(cluster)));
      await finished(anna, cluster, tasks[count] ?? "");
    }
    const { body } = (await anna.get(`/control/v1/task/all?cluster_uuid=${cluster}`)).body as { body: string[][] };
    expect(body.map(([uuid]) => uuid)).toEqual(tasks.slice(1));
  });

  test("a task whose data set was deleted is aborted and says so; what runs next is not disturbed", async () => {
    const gone = await uploadDigits(hanami.port, anna, "to be deleted", digits("gone", 20));
    const cluster = await create(LONG);
    const [long, orphan, after] = [
      await uuidOf(train(cluster, set)),
      await uuidOf(train(cluster, gone)),
      await uuidOf(train(cluster)),
    ];
    await anna.delete(`/v1/dataset?uuid=${gone}`);
    await anna.delete(`/v1/task?uuid=${long}&cluster_uuid=${cluster}`);
    expect(await finished(anna, cluster, after)).toMatchObject({ state: "finished" });
    expect(await view(cluster, orphan)).toMatchObject({ state: "aborted", error: expect.stringContaining(gone) });
  });

  test("a request that a quota stops is aborted, and leaves nothing", async () => {
    const cluster = await create(T2);
    const sets = async (): Promise<readonly unknown[]> =>
      ((await anna.get("/v1/dataset/all")).body as { readonly body: readonly unknown[] }).body;
    const ask = { name: "task", cluster_uuid: cluster, inputs: { picture: small }, results: { label: "answer" } };
    const before = (await sets()).length;
    const results: string[] = [];
    for (let count = before; count < 5; count++) {
      const task = await uuidOf(anna.post("/v1/task/request", ask));
      expect(await finished(anna, cluster, task)).toMatchObject({ state: "finished" });
      results.push(task);
    }
    const over = await uuidOf(anna.post("/v1/task/request", ask));
    expect(await finished(anna, cluster, over)).toMatchObject({
      state: "aborted",
      error: expect.stringContaining("limit dataSets"),
    });
    expect((await anna.get(`/v1/dataset?uuid=${over}`)).status).toBe(404);
    for (const uuid of results) await anna.delete(`/v1/dataset?uuid=${uuid}`);
    expect(await sets()).toHaveLength(before);
  });

  test("a time length of 3 puts three rows side by side, and ends two rows earlier", async () => {
    const cluster_uuid = await create(T2.replace("number_of_inputs: 64", "number_of_inputs: 192"));
    const body = { name: "task", cluster_uuid, inputs: { picture: small }, outputs: { label: small }, time_length: 3 };
    const task = await uuidOf(anna.post("/v1.0alpha/task/train", body));
    expect(await finished(anna, cluster_uuid, task)).toMatchObject({ state: "finished", total_number_of_cycles: 18 });
  });

  test("a killed process forgets its tasks, and what it learnt before is there", async () => {
    const cluster = await create(LONG);
    await finished(anna, cluster, await uuidOf(train(cluster)));
    const task = await uuidOf(train(cluster, set));
    const process = hanami.node.kernel.registry.get(ProcessId.parse(`cluster-${cluster}:hanami:sys`));
    process?.restartAfterHand();
    process?.restartNow();
    expect((await anna.get(`/v1/task?uuid=${task}&cluster_uuid=${cluster}`)).status).toBe(404);
    expect(hanami.logs.join("\n")).toContain("begins anew with what it had learnt");
    expect(await finished(anna, cluster, await uuidOf(train(cluster)))).toMatchObject({ state: "finished" });
  });
});

/** Data sets over REST: from their announcement to their content, quotas, and who sees what (contract hanami §3.2, §6.3). */
import { readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { destroyAll } from "../../support/sockets.ts";
import { mnistImages, mnistLabels } from "./files.ts";
import { type Client, type HanamiNode, startHanami, stopHanami } from "./node.ts";
import { upload } from "./upload.ts";

const UNKNOWN = "11111111-2222-4333-8444-555555555555";
const CSV = Buffer.from("a,b\n1,2\n3,4\n5,6\n");
const IMAGES = mnistImages(1, 2, [
  [1, 2],
  [3, 4],
  [5, 6],
]);
const LABELS = mnistLabels([0, 1, 9]);

type Made = { readonly uuid: string; readonly uuid_input_file: string; readonly uuid_label_file: string };

/** For tests that look at data sets of their own alone: users take a moment to make. */
let hanami: HanamiNode;
let anna: Client;
beforeAll(async () => {
  hanami = await startHanami();
  anna = await hanami.login("anna");
});
afterEach(destroyAll);
afterAll(stopHanami);

async function announce(client: Client, fields: object, type = "csv", prefix = "/v1.0alpha"): Promise<Made> {
  const { status, body } = await client.post(`${prefix}/dataset/upload/${type}`, { name: "test", ...fields });
  if (status !== 200) throw new Error(`${status}: ${body}`);
  return body as Made;
}

async function csvSet(hanami: HanamiNode, client: Client, bytes: Uint8Array = CSV): Promise<Made> {
  const made = await announce(client, { input_data_size: bytes.byteLength });
  await upload(hanami, client, made.uuid_input_file, bytes);
  return made;
}

async function mnistSet(hanami: HanamiNode, client: Client, labels = LABELS): Promise<Made> {
  const sizes = { input_data_size: IMAGES.byteLength, label_data_size: labels.byteLength };
  const made = await announce(client, sizes, "mnist");
  await upload(hanami, client, made.uuid_input_file, IMAGES);
  await upload(hanami, client, made.uuid_label_file, labels);
  return made;
}

const finalizeCsv = (client: Client, { uuid, uuid_input_file }: Made, prefix = "/v1.0alpha") =>
  client.put(`${prefix}/dataset/upload/csv`, { uuid, uuid_input_file });
const finalizeMnist = (client: Client, { uuid, uuid_input_file, uuid_label_file }: Made) =>
  client.put("/control/v1/mnist/dataset", { uuid, uuid_input_file, uuid_label_file });

describe("a CSV data set", () => {
  test("is announced, uploaded, finalized, read and deleted", async () => {
    const made = await announce(anna, { input_data_size: CSV.byteLength });
    const own = { uuid: made.uuid, name: "test", owner_id: "anna", project_id: "lab1", visibility: "private" };
    expect(made).toEqual({
      ...own,
      type: "csv",
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      uuid_input_file: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const progress = async () => (await anna.get(`/v1/dataset/progress?uuid=${made.uuid}`)).body;
    expect(await progress()).toMatchObject({ uuid: made.uuid, complete: false });
    const early = await finalizeCsv(anna, made);
    expect(early).toMatchObject({ status: 400, body: expect.stringContaining("0 of 16 bytes of the input file") });
    const nothing = { description: {}, number_of_rows: 0, number_of_columns: 0, inputs: 0, outputs: 0, lines: 0 };
    expect((await anna.get(`/v1/dataset?uuid=${made.uuid}`)).body).toMatchObject({ ...own, ...nothing });

    await upload(hanami, anna, made.uuid_input_file, CSV);
    expect(await progress()).toMatchObject({ complete: true });
    expect(await finalizeCsv(anna, made)).toEqual({ status: 200, type: "text/json", body: { uuid: made.uuid } });
    expect((await finalizeCsv(anna, made)).status).toBe(404);
    expect(await progress()).toMatchObject({ complete: true });
    expect((await anna.get(`/v1/dataset?uuid=${made.uuid.toUpperCase()}`)).body).toMatchObject({
      ...own,
      ...{
        number_of_rows: 3,
        number_of_columns: 2,
        lines: 3,
        inputs: 0,
        outputs: 0,
        version: "v1.0alpha",
        type: "csv",
      },
      description: { a: { column_start: 0, column_end: 1 }, b: { column_start: 1, column_end: 2 } },
      location: expect.not.stringContaining(hanami.folder),
    });
    const content = (rest: string) => anna.get(`/v1.0alpha/dataset/content?uuid=${made.uuid}&${rest}`);
    expect((await content("column_name=b&row_offset=1&number_of_rows=10000")).body).toEqual({ data: [[4], [6]] });
    expect((await content("column_name=a&row_offset=3&number_of_rows=1")).body).toEqual({ data: [] });
    expect((await content("column_name=c&row_offset=0&number_of_rows=1")).status).toBe(404);
    expect((await content("column_name=__proto__&row_offset=0&number_of_rows=1")).status).toBe(404);
    expect((await content("column_name=a&row_offset=0&number_of_rows=10001")).status).toBe(400);
    expect((await content("column_name=a&row_offset=-1&number_of_rows=1")).status).toBe(400);

    expect((await anna.delete(`/v1/dataset?uuid=${made.uuid}`)).body).toEqual({});
    expect((await anna.delete(`/v1/dataset?uuid=${made.uuid}`)).status).toBe(404);
    expect((await anna.get(`/v1/dataset/progress?uuid=${made.uuid}`)).status).toBe(404);
  });

  test("what cannot be read is refused with file and line; it may be sent anew and finalized again", async () => {
    const made = await csvSet(hanami, anna, Buffer.from("a,b\n1,2\n3,x\n5,6\n"));
    const said = 'The input file, line 3, column "b", has "x": it must be a number, true, false or empty.';
    expect(await finalizeCsv(anna, made)).toMatchObject({ status: 400, body: said });
    expect(await finalizeCsv(anna, made)).toMatchObject({ status: 400, body: said });
    await upload(hanami, anna, made.uuid_input_file, CSV);
    expect((await finalizeCsv(anna, made)).status).toBe(200);
  });

  test("an empty field repeats the row before in G1, and is 0 later", async () => {
    for (const [prefix, second] of [
      ["/control/v1", 1],
      ["/v1.0alpha", 0],
    ] as const) {
      const made = await csvSet(hanami, anna, Buffer.from("a,b\n1,2\n,4\n"));
      expect((await finalizeCsv(anna, made, prefix)).status).toBe(200);
      const path = `/v1.0alpha/dataset/content?uuid=${made.uuid}&column_name=a&row_offset=0&number_of_rows=2`;
      expect((await anna.get(path)).body).toEqual({ data: [[1], [second]] });
    }
  });

  test("finalized twice at once: one of them is 409", async () => {
    const made = await csvSet(hanami, anna);
    const both = await Promise.all([finalizeCsv(anna, made), finalizeCsv(anna, made)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  test("deleted while it is finalized: 404, and nothing is left", async () => {
    const made = await csvSet(hanami, anna);
    const finalizing = finalizeCsv(anna, made);
    const deleting = anna.delete(`/v1/dataset?uuid=${made.uuid}`);
    const [finalized, deleted] = await Promise.all([finalizing, deleting]);
    expect(deleted.status).toBe(200);
    expect([404, 200]).toContain(finalized.status); // whichever came first
    expect((await anna.get(`/v1/dataset?uuid=${made.uuid}`)).status).toBe(404);
    expect(await files(hanami)).not.toContain(made.uuid);
  });
});

test("an import that ends without a result is a 500, and may be asked for again", async () => {
  const made = await csvSet(hanami, anna);
  const part = join(dataFolder(hanami.folder), "../uploads", made.uuid_input_file);
  renameSync(part, `${part}-away`);
  expect((await finalizeCsv(anna, made)).status).toBe(500);
  renameSync(`${part}-away`, part);
  expect((await finalizeCsv(anna, made)).status).toBe(200);
});

describe("an MNIST data set", () => {
  test("is pictures and one-hot labels", async () => {
    const made = await mnistSet(hanami, anna);
    expect((await finalizeMnist(anna, made)).body).toEqual({ uuid: made.uuid });
    expect((await anna.get(`/control/v1/dataset?uuid=${made.uuid}`)).body).toMatchObject({
      ...{ type: "mnist", inputs: 2, outputs: 10, lines: 3, number_of_rows: 3, number_of_columns: 12 },
      description: { picture: { column_start: 0, column_end: 2 }, label: { column_start: 2, column_end: 12 } },
    });
    const path = `/v1.0alpha/dataset/content?uuid=${made.uuid}&column_name=picture&row_offset=1&number_of_rows=1`;
    expect((await anna.get(path)).body).toEqual({ data: [[3, 4]] });
  });

  test("is refused while a part is missing, and where its label does not fit", async () => {
    const sizes = { input_data_size: IMAGES.byteLength, label_data_size: LABELS.byteLength };
    const half = await announce(anna, sizes, "mnist");
    await upload(hanami, anna, half.uuid_input_file, IMAGES);
    expect((await finalizeMnist(anna, half)).body).toBe(
      "The upload is not complete: 22 of 22 bytes of the input file, 0 of 11 bytes of the label file have come.",
    );
    const bad = await mnistSet(hanami, anna, mnistLabels([0, 1, 10]));
    expect(await finalizeMnist(anna, bad)).toMatchObject({
      status: 400,
      body: "The label file, label 3 (byte 10), is 10: labels are 0 to 9.",
    });
  });

  test("is checked against itself in all shapes: 100 percent; what does not fit is 400", async () => {
    const [a, b] = [await mnistSet(hanami, anna), await mnistSet(hanami, anna, mnistLabels([0, 1, 2]))];
    for (const set of [a, b]) await finalizeMnist(anna, set);
    const check = async (path: string) => (await anna.get(path)).body;
    expect(await check(`/v1/dataset/check?dataset_uuid=${a.uuid}&result_uuid=${a.uuid}`)).toEqual({ accuracy: 100 });
    const { accuracy } = (await check(`/v1.0alpha/dataset/check?uuid=${b.uuid}&reference_uuid=${a.uuid}`)) as {
      accuracy: number;
    };
    expect(accuracy).toBeCloseTo(200 / 3, 5);
    const posted = await anna.post("/control/v1/dataset/check", { dataset_uuid: a.uuid, result_uuid: b.uuid });
    expect(posted.body).toEqual({ accuracy });
    expect((await anna.get(`/v1/dataset/check?dataset_uuid=${a.uuid}`)).status).toBe(400);
    expect((await anna.get(`/v1/dataset/check?uuid=${a.uuid}&reference_uuid=${UNKNOWN}`)).status).toBe(404);
    const csv = await csvSet(hanami, anna);
    expect((await anna.get(`/v1/dataset/check?uuid=${a.uuid}&reference_uuid=${csv.uuid}`)).status).toBe(400);
    await finalizeCsv(anna, csv);
    expect((await anna.get(`/v1/dataset/check?uuid=${a.uuid}&reference_uuid=${csv.uuid}`)).status).toBe(400);
  });
});

describe("who sees what", () => {
  test("the owner, the project's admin and an admin; to others it is not there", async () => {
    const [anna, bobb, evey, piaa, root] = (await Promise.all(
      ["anna", "bobb", "evey", "piaa", "root"].map((id) => hanami.login(id)),
    )) as [Client, Client, Client, Client, Client];
    const made = await csvSet(hanami, anna);
    const rows = async (client: Client) =>
      ((await client.get("/control/v1/dataset/all")).body as { body: string[][] }).body.map(([uuid]) => uuid);
    for (const client of [bobb, evey]) {
      expect(await rows(client)).not.toContain(made.uuid);
      expect((await client.get(`/v1/dataset?uuid=${made.uuid}`)).status).toBe(404);
      expect((await client.get(`/v1/dataset/progress?uuid=${made.uuid}`)).status).toBe(404);
      expect((await client.delete(`/v1/dataset?uuid=${made.uuid}`)).status).toBe(404);
      expect((await finalizeCsv(client, made)).status).toBe(404);
    }
    for (const client of [anna, piaa, root]) {
      expect(await rows(client)).toContain(made.uuid);
      expect((await client.get(`/v1/dataset?uuid=${made.uuid}`)).status).toBe(200);
    }
  });

  test("parts of another data set, of another kind, or unknown are 404", async () => {
    const [a, b] = [await csvSet(hanami, anna), await csvSet(hanami, anna)];
    expect((await finalizeCsv(anna, { ...a, uuid_input_file: b.uuid_input_file })).status).toBe(404);
    expect((await finalizeCsv(anna, { ...a, uuid_input_file: UNKNOWN })).status).toBe(404);
    expect((await finalizeMnist(anna, { ...a, uuid_label_file: UNKNOWN })).status).toBe(404);
    expect((await finalizeCsv(anna, a)).status).toBe(200);
  });
});

describe("quotas", () => {
  test("so many bytes of one user, and one more is 400; deleting makes room", async () => {
    const hanami = await startHanami({ settings: { users: [LONE], limits: { userBytes: 10 } } });
    const lone = await hanami.login("lone");
    const made = await announce(lone, { input_data_size: 10 });
    const more = await lone.post("/v1/dataset/upload/csv", { name: "more", input_data_size: 1 });
    expect(more).toMatchObject({ status: 400, body: expect.stringContaining("(limit userBytes)") });
    await lone.delete(`/v1/dataset?uuid=${made.uuid}`);
    const sizes = { input_data_size: 5, label_data_size: 6 };
    expect((await lone.post("/v1/mnist/dataset", { name: "more", ...sizes })).status).toBe(400);
    expect((await lone.post("/v1/mnist/dataset", { name: "more", ...sizes, label_data_size: 5 })).status).toBe(200);
  });

  test("an upload for which there is no room leaves nothing behind", async () => {
    const one = await startHanami({ settings: { users: [LONE], limits: { parts: 1 } } });
    const lone = await one.login("lone");
    const sizes = { input_data_size: 1, label_data_size: 1 };
    const refused = await lone.post("/v1/mnist/dataset", { name: "test", ...sizes });
    expect(refused).toMatchObject({ status: 400, body: expect.stringMatching(/^There is no room for this upload: /) });
    expect((await lone.get("/v1/dataset/all")).body).toMatchObject({ body: [] });
    expect((await lone.post("/v1/csv/dataset", { name: "test", input_data_size: 1 })).status).toBe(200);
  });

  test("a file that has become larger than the quota is refused, and removed", async () => {
    const full = await startHanami({ settings: { users: [LONE], limits: { userBytes: 200 } } });
    const lone = await full.login("lone");
    const few = await csvSet(full, lone, Buffer.from("a,b\n1,2\n"));
    expect(await finalizeCsv(lone, few)).toMatchObject({ status: 200 });
    const many = await csvSet(full, lone, Buffer.from("a,b\n,\n,\n,\n,\n,\n"));
    const refusal = async (made: Made) => {
      const { status, body } = await finalizeCsv(lone, made);
      return [status, body];
    };
    const said = "Your data sets have 152 bytes, with these 184 more than you may have: 200 (limit userBytes).";
    expect(await refusal(many)).toEqual([400, said]); // its head is counted too
    const more = await csvSet(full, lone, Buffer.from(`a,b\n${",\n".repeat(7)}`));
    // By the importer, which stops there: what it would have written first is in everybody's drive.
    const soon = "The data set is more than the 34 bytes that you may still have (limit userBytes).";
    expect(await refusal(more)).toEqual([400, soon]);
    expect(await files(full)).toEqual([few.uuid]);
  });

  test("so many data sets of one user and of the node, at once too", async () => {
    const settings = { users: [LONE, { ...LONE, id: "more" }], limits: { dataSets: 2, dataSetsTotal: 3 } };
    const hanami = await startHanami({ settings });
    const [lone, more] = [await hanami.login("lone"), await hanami.login("more")];
    const one = (client: Client) => client.post("/v1/dataset/upload/csv", { name: "test", input_data_size: 1 });
    const all = await Promise.all([one(lone), one(lone), one(lone)]);
    expect(all.map(({ status }) => status).sort()).toEqual([200, 200, 400]);
    expect((await one(more)).status).toBe(200);
    expect((await one(more)).body).toContain("(limit dataSetsTotal)");
  });
});

const LONE = { id: "lone", password: "correct horse" };

test("data sets survive the node, with what was uploaded; what no data set names does not", async () => {
  const first = await startHanami({ settings: { users: [LONE] } });
  const lone = await first.login("lone");
  const made = await mnistSet(first, lone);
  await finalizeMnist(lone, made);
  const { folder } = first;
  await first.stop();
  writeFileSync(join(dataFolder(folder), UNKNOWN), "left by a crash");
  const again = await startHanami({ folder, settings: { users: [LONE] } });
  expect(await files(again)).toEqual([made.uuid]);
  const token = { token: lone.token };
  expect((await again.ask("GET", `/v1/dataset?uuid=${made.uuid}`, token)).body).toMatchObject({ number_of_rows: 3 });
});

/** In the drive of finished data sets. */
async function files({ folder }: HanamiNode): Promise<readonly string[]> {
  return readdirSync(dataFolder(folder)).filter((name) => !name.startsWith("."));
}

function dataFolder(folder: string): string {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  const drive = found.find((entry) => entry.isDirectory() && entry.name === "data");
  if (drive === undefined) throw new Error("there is no drive of data sets");
  return join(drive.parentPath, drive.name);
}

/**
 * The whole of task mode as a client of each generation goes through it: upload, train, save, load, request, check, by the
 * paths and bodies of contract hanami §3. Digits that the test makes; held-out ones are asked for.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { base64, finished, T1, T2, T3 } from "../../processes/hanami/clusters/templates.ts";
import { CLASSES, digits } from "../../processes/hanami/digits.ts";
import { type Client, startHanami, stopHanami } from "../../processes/hanami/node.ts";
import { uploadDigits } from "../../processes/hanami/sockets.ts";

const WIDE = T1.replace("number_of_neurons: 4", "number_of_neurons: 64");
const HELD_OUT = digits("held out", 300);

let anna: Client;
let trainSet: string;
let heldOut: string;
beforeAll(async () => {
  const hanami = await startHanami();
  anna = await hanami.login("anna");
  trainSet = await uploadDigits(hanami.port, anna, "digits to learn", digits("to learn", 3000));
  heldOut = await uploadDigits(hanami.port, anna, "digits held out", HELD_OUT);
});
afterAll(stopHanami);

type Body = Readonly<Record<string, unknown>>;
type Ports = { readonly train: Body; readonly request: Body };

const objects: Ports = {
  train: { inputs: { picture: "train" }, outputs: { label: "train" } },
  request: { inputs: { picture: "held" }, results: { label: "answer" } },
};
const column = (name: string, set: string): Body => ({
  dataset_uuid: set,
  dataset_column: name,
  hexagon_name: `${name}_hex`,
});
const arrays: Ports = {
  train: { inputs: [column("picture", "train")], outputs: [column("label", "train")], time_length: 1 },
  request: {
    inputs: [column("picture", "held")],
    results: [{ dataset_column: "answer", hexagon_name: "label_hex" }],
    time_length: 1,
  },
};

/** Puts uuids where "train" and "held" stand. */
function withSets(body: Body): Body {
  const text = JSON.stringify(body).replaceAll('"train"', `"${trainSet}"`).replaceAll('"held"', `"${heldOut}"`);
  return JSON.parse(text) as Body;
}

async function ok(answer: Promise<{ readonly status: number; readonly body: unknown }>): Promise<Body> {
  const { status, body } = await answer;
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body as Body;
}

describe.each([
  ["G1", "/control/v1", WIDE, null],
  ["G2", "/v1", T2, objects],
  ["G3a", "/v1.0alpha", T2.replace("bricks", "hexagons"), objects],
  ["G3", "/v1.0alpha", T3, arrays],
] as const)("task mode as a client of %s", (generation, prefix, template, ports) => {
  const name = `cluster of ${generation}`;

  async function create(): Promise<string> {
    const { uuid } = await ok(anna.post(`${prefix}/cluster`, { name, template: base64(template) }));
    return uuid as string;
  }
  function task(cluster_uuid: string, kind: "train" | "request"): Promise<Body> {
    const body = { name: `${kind} task`, cluster_uuid };
    return ports === null
      ? ok(anna.post(`${prefix}/task`, { ...body, type: kind, dataset_uuid: kind === "train" ? trainSet : heldOut }))
      : ok(anna.post(`${prefix}/task/${kind}`, { ...body, ...withSets(ports[kind]) }));
  }

  test("learns, is saved and loaded into another cluster, and is right about digits it never saw", async () => {
    const first = await create();
    const trained = await task(first, "train");
    expect(trained).toMatchObject({ name: "train task", state: "queued", total_number_of_cycles: 3000 });
    const done = await finished(anna, first, trained.uuid as string);
    expect(done).toMatchObject({ state: "finished", current_cycle: 3000, percentage_finished: 1 });
    for (const when of ["queue", "start", "end"])
      expect(done[`${when}_timestamp`]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    const { header, body } = await ok(anna.get(`${prefix}/task/all?cluster_uuid=${first}`));
    expect(header).toEqual(["uuid", "state", "percentage", "queued", "start", "end"]);
    expect(body).toEqual([
      [trained.uuid, "finished", "1", done.queue_timestamp, done.start_timestamp, done.end_timestamp],
    ]);
    const ofTask = `uuid=${trained.uuid}&cluster_uuid=${first}`;
    expect(await ok(anna.delete(`${prefix}/task?${ofTask}`))).toEqual({});
    expect((await anna.get(`${prefix}/task?${ofTask}`)).status).toBe(404);
    expect((await anna.delete(`${prefix}/task?${ofTask}`)).status).toBe(404);

    const saved = await ok(anna.post(`${prefix}/cluster/save`, { name: `saved ${generation}`, cluster_uuid: first }));
    await ok(anna.delete(`${prefix}/cluster?uuid=${first}`));
    const second = await create();
    await ok(anna.post(`${prefix}/cluster/load`, { checkpoint_uuid: saved.uuid, cluster_uuid: second }));
    await ok(anna.delete(`${prefix}/checkpoint?uuid=${saved.uuid}`));

    const { uuid } = await task(second, "request");
    expect(await finished(anna, second, uuid as string)).toMatchObject({ state: "finished", current_cycle: 300 });
    const check =
      generation === "G1"
        ? anna.post(`${prefix}/dataset/check`, { result_uuid: uuid, dataset_uuid: heldOut })
        : anna.get(
            generation === "G2"
              ? `${prefix}/dataset/check?dataset_uuid=${heldOut}&result_uuid=${uuid}`
              : `${prefix}/dataset/check?uuid=${uuid}&reference_uuid=${heldOut}`,
          );
    const { accuracy } = await ok(check);
    // 84 to 88 when it was written: a cluster's uuid seeds it, so no two are alike. Guessing is right in 10 of 100.
    expect(accuracy).toBeGreaterThan(70);

    // The first generation reads the same as winners; their share is the accuracy.
    const result = await ok(anna.get(`/control/v1/request_result?uuid=${uuid}`));
    expect(result).toMatchObject({ uuid, name: "request task", owner_id: "anna", visibility: "private" });
    const winners = result.data as readonly number[];
    expect(winners).toHaveLength(300);
    const hits = winners.filter((label, row) => label === HELD_OUT.labels[row]).length;
    expect(accuracy).toBeCloseTo((100 * hits) / 300);
    const listed = await ok(anna.get("/control/v1/request_result/all"));
    expect(listed.header).toEqual(["uuid", "project_id", "owner_id", "visibility", "name"]);
    expect(listed.body).toContainEqual([uuid, "lab1", "anna", "private", "request task"]);

    if (ports !== null) {
      const query = `uuid=${uuid}&column_name=answer&row_offset=290&number_of_rows=100`;
      const { data } = await ok(anna.get(`${prefix}/dataset/content?${query}`));
      expect(data).toHaveLength(10);
      expect((data as readonly (readonly number[])[])[0]).toHaveLength(CLASSES);
    }
    expect(await ok(anna.delete(`/control/v1/request_result?uuid=${uuid}`))).toEqual({});
    expect((await anna.get(`/control/v1/request_result?uuid=${uuid}`)).status).toBe(404);
    expect((await anna.delete(`/control/v1/request_result?uuid=${trainSet}`)).status).toBe(404); // uploaded, no result
  });
});

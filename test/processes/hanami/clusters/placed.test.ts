/**
 * Clusters in their thread, on a node as it is built (dist/): while one trains, another of the same thread answers at once,
 * and the deletion of the first does not wait for its end.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { endJackfields, startNode, temporaryFolder } from "../../../support/jackfield.ts";
import { destroyAll } from "../../../support/sockets.ts";
import { digits } from "../digits.ts";
import { Client, type HanamiNode } from "../node.ts";
import { connectCluster, uploadDigits } from "../sockets.ts";
import { base64, T1 } from "./templates.ts";

afterEach(async () => {
  destroyAll();
  await endJackfields();
});

const PASSWORD = "correct horse";
const WIDE = T1.replace("number_of_neurons: 4", "number_of_neurons: 8000"); // 5 ms a row and more: a minute for all

test("a cluster that trains holds up no other one of its thread", async () => {
  const folder = temporaryFolder();
  const settings = { users: [{ id: "anna", password: PASSWORD }], limits: { clusterThreads: 1 } };
  writeFileSync(join(folder, "hanami.json"), JSON.stringify(settings));
  const args = ["--memory", "--hanami", "0", "--settings", `hanami:hanami:sys=${join(folder, "hanami.json")}`];
  const { command } = await startNode({ args });
  const [, port = ""] = await command.printed(/http:\/\/localhost:(\d+)\/ is Hanami/);
  const ask: HanamiNode["ask"] = async (method, path, { token = "", body } = {}) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { "x-auth-token": token },
      ...(body === undefined ? {} : { body }),
    });
    const text = await answer.text();
    return { status: answer.status, type: undefined, body: answer.status === 200 ? JSON.parse(text) : text };
  };
  const login = await ask("POST", "/v1/token", { body: JSON.stringify({ id: "anna", password: PASSWORD }) });
  const anna = new Client({ ask } as HanamiNode, (login.body as { readonly token: string }).token);
  const set = await uploadDigits(Number(port), anna, "digits", digits("digits", 10_000));
  const uuids: string[] = [];
  for (const [name, template] of [
    ["busy", WIDE],
    ["idle", T1],
  ] as const) {
    const { body } = await anna.post("/v1/cluster", { name, template: base64(template) });
    uuids.push((body as { readonly uuid: string }).uuid);
  }
  const [busy = "", idle = ""] = uuids;
  const task = await anna.post("/v1/task", { name: "task", type: "train", cluster_uuid: busy, dataset_uuid: set });
  expect(task.status).toBe(200);

  await anna.put("/v1/cluster/set_mode", { uuid: idle, new_state: "DIRECT" });
  const socket = await connectCluster(Number(port), anna.token, idle);
  const values = new Array(64).fill(1);
  for (let count = 0; count < 20; count++)
    expect(await socket.ask({ dialect: "W1", name: "picture", values })).toHaveLength(10);

  const { uuid } = task.body as { readonly uuid: string };
  const view = async () =>
    (await anna.get(`/v1/task?uuid=${uuid}&cluster_uuid=${busy}`)).body as Readonly<Record<string, unknown>>;
  expect(await view()).toMatchObject({ state: "active" }); // so the 20 came in between
  for (let now = await view(); now.current_cycle === 0; now = await view()) expect(now.state).toBe("active");
  expect((await anna.delete(`/v1/cluster?uuid=${busy}`)).status).toBe(200);
  expect(await socket.ask({ dialect: "W1", name: "picture", values })).toHaveLength(10);
});

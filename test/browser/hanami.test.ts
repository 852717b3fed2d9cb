/** Hanami's page in a real browser: a data set on its way and one that is there, a cluster and its mode. */
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { writeFileUpload } from "../../processes/hanami/protobuf/upload.ts";
import { useBrowser } from "../support/browser.ts";
import { endJackfields, startNode, temporaryFolder } from "../support/jackfield.ts";
import { destroyAll, RawSocket } from "../support/sockets.ts";

const PICTURES = join(tmpdir(), "jackfield-screenshots");
const USER = { id: "anna", password: "correct horse" };
const CSV = "a,b\n1,2\n3,4\n";
const TEMPLATE =
  "version: 1\nbricks:\n  1,1,1\n    input: a\n    number_of_neurons: 2\n  2,1,1\n    output: b\n    number_of_neurons: 2\n";

const browser = useBrowser();
afterEach(async () => {
  destroyAll();
  await endJackfields();
});

test("who logs in sees data sets and clusters, and what becomes of them", async () => {
  const settings = join(temporaryFolder(), "hanami.json");
  writeFileSync(settings, JSON.stringify({ users: [USER] }));
  const args = [
    "--memory",
    "--password",
    "correct horse",
    "--hanami",
    "0",
    "--settings",
    `hanami:hanami:sys=${settings}`,
  ];
  const { url, command } = await startNode({ args });
  const [, port = ""] = /http:\/\/localhost:(\d+)\/ is Hanami/.exec(command.stdout) ?? [];
  const base = `http://localhost:${port}`;
  const ask = async (method: string, path: string, body: object, token = ""): Promise<Record<string, string>> => {
    const headers = { "X-Auth-Token": token };
    const answer = await fetch(`${base}/control/v1/${path}`, { method, headers, body: JSON.stringify(body) });
    expect([path, answer.status]).toEqual([path, 200]);
    return (await answer.json()) as Record<string, string>;
  };

  const page = await browser.page();
  await page.goto(`${base}/ui/`);
  await page.fill("input[name=id]", USER.id);
  await page.fill("input[name=password]", "wrong password");
  await page.click("#login button");
  await page.getByText("User or password is wrong").waitFor();
  await page.fill("input[name=password]", USER.password);
  await page.click("#login button");
  await page.getByText("None yet: upload one with the SDK.").waitFor();

  const { token = "" } = await ask("POST", "token", USER);
  const made = await ask("POST", "csv/dataset", { name: "numbers", input_data_size: CSV.length }, token);
  const socket = await RawSocket.connect(Number(port));
  await socket.upgrade({ path: "/" });
  socket.sendText(JSON.stringify({ token, target: "file_upload", uuid: made.uuid_input_file }));
  await socket.nextBinary();
  socket.sendBinary(writeFileUpload({ position: 0, data: Buffer.from(CSV.slice(0, 6)) }));
  await page.locator("#data-sets tr", { hasText: "numbers" }).getByText("1 kB of 1 kB").waitFor();
  socket.sendBinary(writeFileUpload({ position: 6, data: Buffer.from(CSV.slice(6)) }));
  await socket.nextBinary();
  await socket.nextBinary();
  await ask("PUT", "csv/dataset", { uuid: made.uuid, uuid_input_file: made.uuid_input_file }, token);
  await page.locator("#data-sets tr", { hasText: "ready" }).waitFor();
  expect(await page.locator("#data-sets tr").allInnerTexts()).toEqual([
    expect.stringMatching(/^numbers\tanna\t.*\t2\t2\tready$/),
  ]);

  const template = Buffer.from(TEMPLATE).toString("base64");
  const cluster = await ask("POST", "cluster", { name: "small net", template }, token);
  await page.locator("#clusters tr", { hasText: "small net" }).getByText("TASK").waitFor();
  await ask("PUT", "cluster/set_mode", { uuid: cluster.uuid, new_state: "DIRECT" }, token);
  await page.locator("#clusters tr", { hasText: "small net" }).getByText("DIRECT").waitFor();
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, "hanami.png"), animations: "disabled" });

  await page.click("#logout");
  expect(await page.isVisible("#shown")).toBe(false);
  await page.goto(`${url}hanami:hanami:sys/ui/index.html`); // as the start page leads there
  await page.fill("input[name=id]", USER.id);
  await page.fill("input[name=password]", USER.password);
  await page.click("#login button");
  await page.locator("#data-sets tr", { hasText: "ready" }).waitFor();
}, 60_000); // ms: a browser, a node and six looks of two seconds

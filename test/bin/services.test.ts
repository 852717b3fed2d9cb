/** The systems that a node serves on ports of their own, as its options say. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { askHttp } from "../support/http-client.ts";
import { endJackfields, logIn, startNode, temporaryFolder } from "../support/jackfield.ts";

afterEach(endJackfields);

const SAYS = {
  labgraph: /^ {2}labgraph {6}http:\/\/localhost:(\d+)\/ is LabGraph: streams$/m,
  soundlab: /^ {2}soundlab {6}http:\/\/localhost:(\d+)\/ is Soundlab: metrics, latency, events$/m,
  hanami: /^ {2}hanami {8}http:\/\/localhost:(\d+)\/ is Hanami: data sets and clusters$/m,
};

type Service = keyof typeof SAYS;
const SERVICES = Object.keys(SAYS) as Service[];
const BASE = ["--memory", "--password", "correct horse"];

/** The processes that have put themselves on the start page. */
async function apps(port: number): Promise<string> {
  return (await askHttp(port, { path: "/apps.json", headers: { cookie: await logIn(port, "correct horse") } })).body;
}

test("each has a port of its own, and a place on the start page", async () => {
  const { command, port } = await startNode({ args: [...BASE, ...SERVICES.flatMap((name) => [`--${name}`, "0"])] });
  const shown = await apps(port);
  for (const name of SERVICES) {
    const [, own = ""] = SAYS[name].exec(command.stdout) ?? [];
    expect([name, own]).toEqual([name, expect.stringMatching(/^\d+$/)]);
    expect((await askHttp(Number(own), { path: "/" })).status).toBeGreaterThanOrEqual(200); // somebody is there
    expect(shown).toContain(`"process":"${name}:${name}:sys"`);
  }
  expect(command.stderr).toBe("");
});

test("none is there unless it is asked for", async () => {
  const { command, port } = await startNode({ args: [...BASE, "--soundlab", "0", "--soundlab", "off"] });
  for (const name of SERVICES) {
    expect(command.stdout).not.toMatch(SAYS[name]);
    expect((await askHttp(port, { path: `/${name}:${name}:sys/` })).status).toBe(404);
  }
});

test("one whose port is taken has none, and says so; the node goes on", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port: taken } = other.address() as { readonly port: number };
  try {
    const { command, port } = await startNode({ args: [...BASE, "--labgraph", String(taken)] });
    expect(command.stderr).toBe(
      `LabGraph: streams has no port of its own. Cannot listen on "127.0.0.1:${taken}" as the port is taken or not allowed, or the address is not this machine's: choose another with --port, --mount or --host. Its page is there all the same; --labgraph PORT gives it another port, --labgraph off leaves it out\n`,
    );
    expect(await apps(port)).toContain('"process":"labgraph:labgraph:sys"');
  } finally {
    other.close();
  }
});

test("settings of a name that nobody has are said to be unused", async () => {
  const file = join(temporaryFolder(), "lab.json");
  writeFileSync(file, '{"clients": 1}');
  const args = ["soundlab:soundlab:sys", "soundlab:sound-lab:sys"].flatMap((id) => ["--settings", `${id}=${file}`]);
  const { command } = await startNode({ args: [...BASE, "--soundlab", "0", ...args] });
  expect(command.stderr).toMatch(
    /^NOT USED: the settings of "soundlab:sound-lab:sys", as no process of that name runs: known are .*, soundlab:soundlab:sys\n$/,
  );
});

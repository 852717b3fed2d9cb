/** The data folder: its format, who may read it, and what an older Jackfield left in it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { openDataFolder } from "../../bin/data-folder.ts";
import { diskStore } from "../../processes/state/store.ts";
import { endJackfields, logIn, startNode, temporaryFolder } from "../support/jackfield.ts";
import { thrownBy } from "../support/kernel.ts";

const NODE = "alice.os";
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

afterEach(endJackfields);

const open = (data: string, node = NODE): Promise<Awaited<ReturnType<typeof openDataFolder>>> =>
  openDataFolder({ data, node, handOver: null });

/** A data folder with this in its format.json. */
function withFormat(text: string): string {
  const data = temporaryFolder();
  mkdirSync(join(data, NODE));
  writeFileSync(join(data, NODE, "format.json"), text);
  return data;
}

describe("openDataFolder()", () => {
  test("makes it for its owner alone, and says of which format, whose, when and by whom", async () => {
    const data = temporaryFolder();
    const before = Date.now();
    const folder = await open(data);
    const { made, ...format } = JSON.parse(readFileSync(join(data, NODE, "format.json"), "utf8"));
    expect(format).toEqual({ format: 1, node: NODE, by: version });
    expect(Date.parse(made)).toBeGreaterThanOrEqual(before);
    if (process.platform !== "win32") expect(statSync(join(data, NODE)).mode & 0o777).toBe(0o700);
    expect(folder.path("kv")).toBe(join(data, NODE, "kv"));
    await folder.release();
  });

  test("takes the rights of others from one that is there, and keeps what was written when it was made", async () => {
    const data = withFormat(JSON.stringify({ format: 1, node: NODE, made: "2026-01-01T00:00:00.000Z", by: "0.0.1" }));
    await (await open(data)).release();
    if (process.platform !== "win32") expect(statSync(join(data, NODE)).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(data, NODE, "format.json"), "utf8")).toContain('"by":"0.0.1"');
  });

  test.each([
    [
      '{"format":2,"node":"alice.os","by":"9.9.9"}',
      `it has format 2, made by Jackfield 9.9.9, and this is Jackfield ${version}, which reads format 1: take that one or a newer one`,
    ],
    ['{"format":"1","node":"alice.os"}', 'its format.json must name format 1: got "1", bring it back from a copy'],
    ["{}", "its format.json must name format 1: got undefined, bring it back from a copy"],
    ["null", "its format.json must name format 1: got undefined, bring it back from a copy"],
    ["", "its format.json is no JSON: "],
    [
      '{"format":1,"node":"bob.os"}',
      'it is node "bob.os"\'s and not "alice.os"\'s: addresses in it have that name, start that node',
    ],
  ])("refuses %s, and changes nothing", async (text, rule) => {
    const data = withFormat(text);
    const error = await thrownBy(() => open(data));
    expect(error).toMatchObject({ name: "DataFolderError", code: "data_format" });
    expect((error as Error).message).toContain(`Cannot start a node on "${join(data, NODE)}" as ${rule}`);
    expect(readFileSync(join(data, NODE, "format.json"), "utf8")).toBe(text);
    expect(readdirSync(join(data, NODE, "lock"))).toEqual([]); // let go again
  });

  test("refuses a folder of something else, and leaves it as it is", async () => {
    const data = temporaryFolder();
    mkdirSync(join(data, NODE, "photos"), { recursive: true });
    expect(((await thrownBy(() => open(data))) as Error).message).toContain(
      'it is no data folder of Jackfield: there is "photos" and no format.json. Give another --data',
    );
    expect(existsSync(join(data, NODE, "format.json"))).toBe(false);
  });

  test.each([".", ".."])("refuses node %s, whose folder would be another", async (node) => {
    const data = temporaryFolder();
    expect(await thrownBy(() => open(data, node))).toMatchObject({ code: "invalid_option" });
    expect(readdirSync(data)).toEqual([]);
  });
});

describe("state from before there was a format", () => {
  async function older(): Promise<string> {
    const data = temporaryFolder();
    const store = diskStore(join(data, NODE)); // as it was kept until 0.1.0: data.mdb and lock.mdb in the folder itself
    await store.set("p:p:template.os", new TextEncoder().encode("kept"));
    await store.close();
    return data;
  }

  async function kept(data: string): Promise<string> {
    const folder = await open(data);
    const store = diskStore(folder.path("state") ?? "");
    const text = new TextDecoder().decode(store.get("p:p:template.os"));
    await store.close();
    await folder.release();
    return text;
  }

  test("is moved over, and there again; the next start moves nothing", async () => {
    const data = await older();
    expect([await kept(data), await kept(data)]).toEqual(["kept", "kept"]);
    expect(readdirSync(join(data, NODE)).sort()).toEqual(["format.json", "lock", "state"]);
  });

  test.each([["lock.mdb"], ["lock.mdb", "data.mdb"]])(
    "is there when the move was cut short behind %s",
    async (...moved) => {
      const data = await older();
      mkdirSync(join(data, NODE, "state"));
      for (const name of moved) renameSync(join(data, NODE, name), join(data, NODE, "state", name));
      writeFileSync(join(data, NODE, "format.json.new"), '{"for');
      expect(await kept(data)).toBe("kept");
      expect(readdirSync(join(data, NODE)).sort()).toEqual(["format.json", "lock", "state"]);
    },
  );

  test("without a table of readers is moved too", async () => {
    const data = await older();
    rmSync(join(data, NODE, "lock.mdb"));
    expect(await kept(data)).toBe("kept");
  });

  test("that an older Jackfield wrote behind the move's back is not passed over", async () => {
    const data = temporaryFolder();
    await (await open(data)).release();
    writeFileSync(join(data, NODE, "data.mdb"), "");
    expect(((await thrownBy(() => open(data))) as Error).message).toContain(
      "an older Jackfield has been started on it since it was moved to format 1, and wrote data.mdb: keep the state that you want",
    );
  });

  test("of a whole node: who was logged in still is, the password too", async () => {
    const data = temporaryFolder();
    const args = ["--data", data, "--password", "correct horse"];
    await (await startNode({ args })).stop();
    const folder = join(data, "localhost");
    for (const name of ["data.mdb", "lock.mdb"]) renameSync(join(folder, "state", name), join(folder, name));
    for (const name of ["format.json", "state", "lock"]) rmSync(join(folder, name), { recursive: true });
    const { port } = await startNode({ args: ["--data", data] });
    await logIn(port, "correct horse");
  });
});

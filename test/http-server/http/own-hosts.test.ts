/** DNS rebinding: a page of another name that leads to 127.0.0.1 is no program of this machine (http-server/own-hosts.ts). */
import { afterEach, describe, expect, test } from "@jest/globals";
import { OwnHosts } from "../../../http-server/own-hosts.ts";
import { bind, startHttpNode, stopHttpNodes, TRANSPORTS } from "../../support/http-node.ts";
import { P } from "../../support/node.ts";

describe("OwnHosts.has()", () => {
  const hosts = new OwnHosts(["Box.home"]);

  test.each([
    "localhost",
    "localhost:8080",
    "LOCALHOST.",
    "chess-sys.localhost:8080",
    "127.0.0.1:8080",
    "[::1]:8080",
    "192.168.1.5",
    "box.home:8080",
    "",
  ])("says yes to %j", (host) => {
    expect(hosts.has(host)).toBe(true);
  });

  test.each([
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evillocalhost",
    "127.0.0.1@evil.example",
    "a.box.home",
    "2130706433.example",
    "[::1",
    " localhost",
  ])("says no to %j", (host) => {
    expect(hosts.has(host)).toBe(false);
  });

  test.each(["https://box.home", "box.home:8080", "", "box home", ".home", "*.home"])(
    "cannot be told of %j, which is no host name",
    (name) => {
      expect(() => new OwnHosts([name])).toThrow(
        `Cannot allow host ${JSON.stringify(name)} as it must be a host name without scheme and port: for example box.home`,
      );
    },
  );
});

describe.each(TRANSPORTS)("%s local_only", (transport) => {
  afterEach(stopHttpNodes);

  test("is 403 to a page whose own name leads to 127.0.0.1", async () => {
    const alice = await startHttpNode({ transport, allowedHosts: ["box.home"] });
    await alice.add(P).ask(bind("/m", { local_only: true, cache: true }), "local");
    const status = async (host: string): Promise<number> =>
      (await alice.ask({ path: `/${P}/m`, headers: { host, origin: `http://${host}` } })).status;
    expect(await status(`evil.example:${alice.port}`)).toBe(403);
    expect(await status(`localhost:${alice.port}`)).toBe(200);
    expect(await status(`127.0.0.1:${alice.port}`)).toBe(200);
    expect(await status(`box.home:${alice.port}`)).toBe(200);
  });

  test("a node with an allowed host that is none does not start", async () => {
    await expect(startHttpNode({ transport, allowedHosts: ["http://box"] })).rejects.toThrow(
      'Cannot allow host "http://box"',
    );
  });
});

/**
 * A node with valid credentials of its own (bob, by a bare client) can neither speak as another nor listen in, on a server
 * that runs what `jackfield cluster init` wrote. docs/cluster.md "Security" has these as a table.
 *
 * Nobody waits for silence: bob's messages come in order, so when his last, honest one is there, all before it have come or
 * never will.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect, headers, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import { newUserKey } from "../../../bin/cluster-keys.ts";
import { createNode, LinkError, type NatsOptions, type Node } from "../../../kernel/index.ts";
import { frameOf, packAnswer, packRequest } from "../../../kernel/link/frame.ts";
import { NatsWire } from "../../../kernel/link/nats-wire.ts";
import { LANES } from "../../../kernel/link/wire.ts";
import { defineProcess } from "../../../lib/process/index.ts";
import { ProcessId } from "../../../lib/protocol/index.ts";
import { PATIENCE_MS } from "../../support/link-nodes.ts";
import { startCluster, stopClusters, type TestCluster } from "../../support/nats-cluster.ts";
import { startNatsServer, stopNatsServers } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

const NETWORK = { process: "kernel:distro:sys", params: "network" };
const LAST = 9_999; // seq of the honest last frame

let cluster: TestCluster;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  cluster = await startCluster(["alice.os", "bob.os", "carol.os"]);
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await stopNatsServers();
});
afterAll(stopClusters);

/** The client alone, with a node's credentials: it keeps to no rule of ours. */
async function bare(
  options: NatsOptions,
  inboxPrefix?: string,
): Promise<NatsConnection & { readonly denied: string[] }> {
  const { servers, seed = "", tls = {} } = options;
  const nc = await connect({
    servers: servers.map((url) => url.replace("127.0.0.1", "localhost")),
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    tls: {
      caFile: tls.ca ?? "",
      certFile: tls.cert ?? "",
      keyFile: tls.key ?? "",
      checkServerIdentity: () => undefined,
    } as object,
    reconnect: false,
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
  });
  const denied: string[] = [];
  void (async () => {
    for await (const status of nc.status()) if (status.type === "error") denied.push(status.error.message);
  })();
  closing.push(() => nc.close());
  return Object.assign(nc, { denied });
}

type Heard = { readonly from: string; readonly lane: string; readonly seq: number };

/** Carol's wire, and all that it believes. */
async function carol(): Promise<{ readonly heard: Heard[]; readonly absent: string[] }> {
  const heard: Heard[] = [];
  const absent: string[] = [];
  const wire = new NatsWire({ ...cluster.options("carol.os"), patienceMs: PATIENCE_MS });
  closing.push(() => wire.close());
  await wire.open({
    frame: (from, lane, bytes) =>
      heard.push({ from, lane, seq: bytes.byteLength >= 9 ? Buffer.from(bytes).readUInt32LE(5) : 0 }),
    absent: (peer) => absent.push(peer),
    up: () => undefined,
    down: () => undefined,
  });
  return { heard, absent };
}

const frame = (seq: number): Uint8Array => frameOf(7, seq, new Uint8Array(1));

/** Bob's honest word; once carol has it she has had all before. @returns what she heard before */
async function afterAllOf(bob: NatsConnection, heard: readonly Heard[]): Promise<readonly Heard[]> {
  bob.publish("n.carol_os.bob_os.q", frame(LAST));
  await until(() => heard.some(({ seq }) => seq === LAST));
  expect(heard.at(-1)).toEqual({ from: "bob.os", lane: "q", seq: LAST });
  return heard.slice(0, -1);
}

describe("bob cannot speak in another's name", () => {
  test("on any lane", async () => {
    const { heard, absent } = await carol();
    const bob = await bare(cluster.options("bob.os"));
    const subjects = [...LANES, "nr.1.bob_os", "x"].flatMap((lane) => [`alice_os.${lane}`, `carol_os.${lane}`]);
    for (const subject of subjects) bob.publish(`n.carol_os.${subject}`, frame(1));
    expect(await afterAllOf(bob, heard)).toEqual([]);
    expect(absent).toEqual([]);
    await until(() => bob.denied.length === subjects.length);
    expect(bob.denied).toEqual(
      subjects.map((subject) => `Permissions Violation for Publish to "n.carol_os.${subject}"`),
    );
  });

  test("by what is no frame of a node's", async () => {
    const bob = await bare(cluster.options("bob.os"));
    const subjects = ["t.alice_os.news", "t.bob_os.news", "bob_os"];
    for (const subject of subjects) bob.publish(subject, "x");
    await bob.flush();
    await until(() => bob.denied.length === subjects.length);
    expect(bob.denied).toEqual(subjects.map((subject) => `Permissions Violation for Publish to "${subject}"`));
  });

  test("by a message with headers, or a subject of another shape", async () => {
    const { heard, absent } = await carol();
    const bob = await bare(cluster.options("bob.os"));
    const extra = headers(503, "No Responders");
    extra.set("from", "alice.os");
    bob.publish("n.carol_os.bob_os.q", frame(1), { headers: extra });
    const wrong = [
      "n.carol_os.bob_os",
      "n.carol_os.bob_os.q.q",
      "n.carol_os.bob_os.Q",
      "n.carol_os.bob_os.w",
      "n.carol_os.bob_os.nr.1.alice_os",
    ];
    for (const subject of wrong) {
      bob.publish(subject, frame(1));
      bob.publish(subject, frame(1), { headers: extra });
    }
    expect(await afterAllOf(bob, heard)).toEqual([]);
    expect(absent).toEqual([]);
  });

  test("by what a frame says of its source, its answer or its capabilities", async () => {
    const heard: unknown[] = [];
    const node = createNode({ name: "carol.os", limits: { drain: 100 } });
    closing.push(() => node.stop());
    const faults: string[] = [];
    node.kernel.events.listen((event) => {
      if (event.type === "fault") faults.push((event.error as Error).message);
    });
    const program = defineProcess({
      onRequest: (_, { source, body, capabilities }) => {
        heard.push([source.text, body, capabilities.map(({ issuer }) => issuer)]);
      },
    });
    node.addProcess(ProcessId.parse("c:chat:me.os"), program, { public: true, requestCapabilities: [NETWORK] });
    let answered: unknown = "not yet";
    const asking = defineProcess({
      init: (ctx) => {
        void ctx
          .request("alice.os@a:chat:me.os")
          .body("who are you")
          .expectsResponse(60)
          .sendAndAwaitResponse()
          .then(
            ({ body }) => {
              answered = body;
            },
            () => undefined,
          );
      },
    });
    const alice = await bare(cluster.options("alice.os"));
    const asked: number[] = [];
    alice.subscribe("n.alice_os.>", { callback: (_, message) => void asked.push(message.data.byteLength) });
    await alice.flush();
    await node.linkByNats(cluster.options("carol.os"));
    node.addProcess(ProcessId.parse("asker:chat:me.os"), asking, { requestCapabilities: [NETWORK] });
    await until(() => asked.length > 0);

    const bob = await bare(cluster.options("bob.os"));
    const load = { blob: null, mime: null, metadata: null };
    const request = (source: string, body: string, capabilities: readonly { issuer: string; params: string }[] = []) =>
      packRequest({ id: 0, source, target: "c:chat:me.os", seconds: null, body, ...load, capabilities });
    let seq = 0;
    const say = (lane: string, body: Uint8Array): void =>
      bob.publish(`n.carol_os.bob_os.${lane}`, frameOf(7, ++seq, body));
    say("q", request("alice.os@b:chat:me.os", "as alice"));
    say(
      "q",
      request("b:chat:me.os", "with capabilities", [
        { issuer: "alice.os@a:chat:me.os", params: '"x"' },
        { issuer: "carol.os@kernel:distro:sys", params: '"network"' },
        { issuer: "bob.os@b:chat:me.os", params: '"own"' },
      ]),
    );
    for (let id = 1; id < 50; id++)
      say(
        "r",
        packAnswer({ id, source: "alice.os@a:chat:me.os", error: null, body: "forged", ...load, capabilities: [] }),
      );
    for (let id = 1; id < 50; id++)
      say("r", packAnswer({ id, source: "a:chat:me.os", error: null, body: "forged", ...load, capabilities: [] }));
    say("q", request("b:chat:me.os", "last"));
    await until(() => heard.length >= 2);
    expect(heard).toEqual([
      ["bob.os@b:chat:me.os", "with capabilities", ["bob.os@b:chat:me.os"]],
      ["bob.os@b:chat:me.os", "last", []],
    ]);
    expect(answered).toBe("not yet");
    expect(faults[0]).toBe("Cannot read a frame of another node as its fields are not those of the lane q");
  });
});

describe("bob cannot listen in", () => {
  const SUBJECTS = [
    "n.carol_os.>",
    "n.>",
    ">",
    "*.carol_os.>",
    "n.*.bob_os.>",
    "n.carol_os.*.q",
    "_INBOX.>",
    "_INBOX_alice_os.>",
    "$JS.>",
    "$SYS.>",
    "$KV.>",
    "t.>", // what anybody might agree on
  ];
  test("on any subject of another's, alone or in a queue group", async () => {
    for (const account of ["bus", "store"] as const) {
      const bob = await bare(cluster.options("bob.os", account));
      const errors: string[] = [];
      const callback = (error: Error | null): void => void errors.push(String(error));
      for (const subject of SUBJECTS) {
        bob.subscribe(subject, { callback });
        bob.subscribe(subject, { queue: "group", callback });
      }
      await until(() => errors.length === 2 * SUBJECTS.length);
      for (const subject of SUBJECTS) {
        const words = `Permissions Violation for Subscription to "${subject}"`;
        expect(errors.filter((error) => error.includes(words))).toHaveLength(2);
      }
    }
  });

  test("a queue group on his own subjects takes nothing from carol's", async () => {
    const { heard } = await carol();
    const bob = await bare(cluster.options("bob.os"));
    let taken = 0;
    bob.subscribe("n.bob_os.>", {
      queue: "carol",
      callback: () => {
        taken++;
      },
    });
    const alice = await bare(cluster.options("alice.os"));
    await bob.flush();
    for (let seq = 1; seq <= 100; seq++) alice.publish("n.carol_os.alice_os.q", frame(seq));
    await until(() => heard.length === 100);
    expect(taken).toBe(0);
  });
});

describe("a reply subject forges nothing on BUS", () => {
  const FORGED = "n.carol_os.alice_os.q";
  let admin: NatsOptions;

  /** What durable messages and the directory have, made by the admin; and who hears in STORE that the trick works at all. */
  async function store(): Promise<{ readonly bob: NatsConnection; readonly inStore: string[] }> {
    const folder = join(cluster.folder, "admin");
    const seed = readFileSync(join(folder, "store.seed"), "utf8").trim();
    const tls = { ca: join(folder, "ca.pem"), cert: join(folder, "node.pem"), key: join(folder, "node.key") };
    admin = { node: "admin", servers: cluster.urls, seed, tls };
    const nc = await bare(admin);
    const inStore: string[] = [];
    nc.subscribe("n.>", { callback: (_, { subject }) => void inStore.push(subject) });
    const bucket = await new Kvm(nc).create("dir", { allow_direct: true });
    await bucket.put("bob_os", "as bob wants it");
    const manager = await jetstreamManager(nc);
    await manager.streams.add({ name: "IN_bob_os", subjects: ["d.bob_os.*"] });
    await manager.consumers.add("IN_bob_os", { durable_name: "k", ack_policy: "explicit" });
    await jetstream(nc).publish("d.bob_os.alice_os", "forged");
    return { bob: await bare(cluster.options("bob.os", "store")), inStore };
  }

  test.each([
    ["a direct get of his own entry", "$JS.API.DIRECT.GET.KV_dir.$KV.dir.bob_os", ""],
    ["an answer of JetStream's API", "$JS.API.STREAM.INFO.KV_dir", ""],
    ["a delivery that he pulls", "$JS.API.CONSUMER.MSG.NEXT.IN_bob_os.k", "1"],
  ])("%s", async (_, subject, body) => {
    const { heard } = await carol();
    const { bob, inStore } = await store();
    const own = await bare(cluster.options("bob.os"));
    bob.publish(subject, body, { reply: FORGED });
    await until(() => inStore.length > 0); // in STORE the trick works: the server has published by then
    own.publish(subject, body, { reply: FORGED }); // and BUS has nobody who would answer
    expect(await afterAllOf(own, heard)).toEqual([]);
    await until(() => own.denied.length === 1);
  });

  test("a node that is asked, and a server's word that nobody is there", async () => {
    const { heard, absent } = await carol();
    const alice = createNode({ name: "alice.os", limits: { drain: 100 } });
    closing.push(() => alice.stop());
    let asked = 0;
    const echo = defineProcess({
      onRequest: (_, { body }, ctx) => {
        asked++;
        ctx.respond(body);
      },
    });
    alice.addProcess(ProcessId.parse("a:chat:me.os"), echo, { public: true, requestCapabilities: [NETWORK] });
    const link = await alice.linkByNats(cluster.options("alice.os"));
    const bob = await bare(cluster.options("bob.os"));
    const answers: string[] = [];
    bob.subscribe("n.bob_os.>", { callback: (_, { subject }) => void answers.push(subject) });
    const body = packRequest({
      id: 1,
      source: "b:chat:me.os",
      target: "a:chat:me.os",
      seconds: 5,
      body: frame(1),
      blob: null,
      mime: null,
      metadata: null,
      capabilities: [],
    });
    bob.publish("n.alice_os.bob_os.q", frameOf(7, 1, body), { reply: FORGED });
    bob.publish("n.alice_os.bob_os.p", frameOf(7, 1, new Uint8Array([0x90])), { reply: FORGED });
    bob.publish("n.nobody_os.bob_os.q", frame(1), { reply: "n.carol_os.carol_os.nr.1.alice_os" });
    bob.publish("n.nobody_os.bob_os.q", frame(1), { reply: FORGED });
    await until(() => answers.includes("n.bob_os.alice_os.r"));
    expect(asked).toBe(1);
    expect(link.isUp).toBe(true);
    expect(await afterAllOf(bob, heard)).toEqual([]);
    expect(absent).toEqual([]);
  });
});

describe("a node is let in by its own credentials alone", () => {
  const LONG = 600_000; // ms: the most of limits.linkStart, and no test would end

  /** @param linkStart ms that it waits where nobody answers */
  async function refused(options: NatsOptions, linkStart = 0): Promise<string> {
    const node: Node = createNode({ name: options.node, limits: { linkStart } });
    closing.push(() => node.stop());
    const why: unknown = await node.linkByNats(options).then(
      () => "linked",
      (error: unknown) => error,
    );
    expect(why).toBeInstanceOf(LinkError);
    return (why as LinkError).message;
  }
  const is = (words: string): RegExp => new RegExp(`^Cannot link to "nats://127.0.0.1:\\d+" as ${words}`);

  test("no key", async () => {
    const { seed: _, ...options } = cluster.options("bob.os");
    expect(await refused(options)).toMatch(is("none of its servers lets it in: Authorization Violation"));
  });

  test("a key that no server knows", async () => {
    expect(await refused({ ...cluster.options("bob.os"), seed: newUserKey().seed }, LONG)).toMatch(
      is("none of its servers lets it in: Authorization Violation$"), // at once: it would have said for how long it tried
    );
  });

  test("another node's key", async () => {
    const { seed = "" } = cluster.options("bob.os");
    expect(await refused({ ...cluster.options("alice.os"), seed })).toMatch(
      is('its key is not that of a node "alice.os" there: start it by the name that the key was made for$'),
    );
  });

  test("no certificate, and one of another CA", async () => {
    const options = cluster.options("bob.os");
    const other = await startCluster(["bob.os"]);
    const { ca = "", ...foreign } = { ...other.options("bob.os").tls, ca: options.tls?.ca ?? "" };
    expect(await refused({ ...options, tls: { ca } })).toMatch(
      is("none of its servers lets it in: .*; one that jackfield cluster init wrote wants a certificate: --link-cert$"),
    );
    expect(await refused({ ...options, tls: { ca, ...foreign } })).toMatch(is("none of its servers lets it in: "));
  });

  test("plain TCP", async () => {
    const { tls: _, ...options } = cluster.options("bob.os");
    expect(await refused(options)).toMatch(is("none of its servers lets it in: .*certificate"));
  });

  test("and lets itself in by no server of another CA, of another address, or without TLS", async () => {
    const options = cluster.options("bob.os");
    const other = await startCluster(["bob.os"]);
    expect(await refused({ ...other.options("bob.os"), tls: { ...options.tls } })).toMatch(
      is("none of its servers lets it in: .*(self.signed|unable to verify the first) certificate"),
    );
    const { port } = new URL(options.servers[0] ?? "");
    const renamed = await refused({ ...options, servers: [`nats://127.0.0.2:${port}`] });
    expect(renamed).toMatch(/^Cannot link to "nats:\/\/127\.0\.0\.2:\d+" as none of its servers lets it in: /);
    const plain = await startNatsServer();
    expect(await refused({ ...options, servers: [plain.url] })).toMatch(
      is("none of its servers lets it in: server does not support 'tls'"),
    );
  });
});

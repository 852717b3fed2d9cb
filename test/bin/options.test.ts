/** readOptions(): where each option is found, and what is refused with which words. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { OPTIONS, readOptions } from "../../bin/options.ts";
import { OptionError } from "../../lib/protocol/index.ts";
import { endJackfields, temporaryFolder } from "../support/jackfield.ts";

afterEach(endJackfields);

/** A config file with this in it. */
function config(value: unknown): string {
  const path = join(temporaryFolder(), "config.json");
  writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}

function refusal(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  try {
    readOptions(args, env);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(OptionError);
    return (thrown as Error).message;
  }
  throw new Error(`taken: ${args.join(" ")}`);
}

test("every option has its default when nothing is given", () => {
  expect(readOptions([], {})).toEqual({
    node: "localhost",
    port: null,
    host: "127.0.0.1",
    package: [],
    mount: [],
    password: null,
    memory: false,
    data: ".jackfield",
    transport: "auto",
    "allow-origin": [],
    "no-local-rpc": false,
    "allow-host": [],
    "trust-proxy": [],
    limit: {},
    "tls-cert": null,
    "tls-key": null,
    "redirect-http": null,
    "reuse-port": false,
    labgraph: null,
    soundlab: null,
    hanami: null,
    link: [],
    "link-seed": null,
    "link-store-seed": null,
    "link-ca": null,
    "link-cert": null,
    "link-key": null,
    settings: {},
  });
});

describe("an option given in several places", () => {
  const flag = ["--node", "flag"];
  const env = { JACKFIELD_NODE: "env" };
  const file = (): readonly string[] => ["--config", config({ node: "file" })];

  test("takes the flag before the environment", () => {
    expect(readOptions(flag, env).node).toBe("flag");
  });
  test("takes the flag before the config file", () => {
    expect(readOptions([...flag, ...file()], {}).node).toBe("flag");
  });
  test("takes the environment before the config file", () => {
    expect(readOptions(file(), env).node).toBe("env");
  });
  test("takes the flag before the default", () => {
    expect(readOptions(flag, {}).node).toBe("flag");
  });
  test("takes the environment before the default", () => {
    expect(readOptions([], env).node).toBe("env");
  });
  test("takes the config file before the default", () => {
    expect(readOptions(file(), {}).node).toBe("file");
  });
  test("takes an empty environment variable for none", () => {
    expect(readOptions([], { JACKFIELD_NODE: "" }).node).toBe("localhost");
  });
  test("takes the config file that JACKFIELD_CONFIG names, and the one of the flag before it", () => {
    const variable = { JACKFIELD_CONFIG: config({ node: "variable" }) };
    expect(readOptions([], variable).node).toBe("variable");
    expect(readOptions(file(), variable).node).toBe("file");
  });
});

describe("every option may stand in the environment and in the config file", () => {
  const TAKEN = {
    node: ["alice.os", "alice.os"],
    port: ["9090", 9090],
    host: ["0.0.0.0", "0.0.0.0"],
    package: ["./a,./b", ["./a", "./b"]],
    mount: ["9000=a:b:c,9001=d:e:f", ["9000=a:b:c", "9001=d:e:f"]],
    password: ["secret", "secret"],
    memory: ["true", true],
    data: ["./there", "./there"],
    transport: ["ws", "ws"],
    "allow-origin": ["https://a.example", ["https://a.example"]],
    "no-local-rpc": ["true", true],
    "allow-host": ["box.home", ["box.home"]],
    "trust-proxy": ["loopback,10.0.0.0/8", ["loopback", "10.0.0.0/8"]],
    limit: ["mailbox=100,channels=5", { mailbox: 100, channels: 5 }],
    "tls-cert": ["./node.crt", "./node.crt"],
    "tls-key": ["./node.key", "./node.key"],
    "redirect-http": ["80", 80],
    "reuse-port": ["true", true],
    labgraph: ["9000", 9000],
    soundlab: ["8000", 8000],
    hanami: ["1337", 1337],
    link: ["nats://a:4222,tls://[::1]:4223", ["nats://a:4222", "tls://[::1]:4223"]],
    "link-seed": ["./bus.seed", "./bus.seed"],
    "link-store-seed": ["./store.seed", "./store.seed"],
    "link-ca": ["./ca.crt", "./ca.crt"],
    "link-cert": ["./node.crt", "./node.crt"],
    "link-key": ["./node.key", "./node.key"],
    settings: ["a:b:c=FILE", { "a:b:c": { rate: 30 } }],
  } as const;
  const LINKED = { JACKFIELD_NODE: "alice.os", JACKFIELD_LINK: "nats://a:4222" };
  /** What an option needs beside it. */
  const NEEDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    "tls-cert": { JACKFIELD_TLS_KEY: "./node.key" },
    "tls-key": { JACKFIELD_TLS_CERT: "./node.crt" },
    "redirect-http": { JACKFIELD_TLS_CERT: "./node.crt", JACKFIELD_TLS_KEY: "./node.key" },
    "reuse-port": { JACKFIELD_PORT: "9090" },
    link: { JACKFIELD_NODE: "alice.os" },
    "link-seed": LINKED,
    "link-store-seed": LINKED,
    "link-ca": LINKED,
    "link-cert": { ...LINKED, JACKFIELD_LINK_KEY: "./node.key" },
    "link-key": { ...LINKED, JACKFIELD_LINK_CERT: "./node.crt" },
  };

  test.each(Object.entries(TAKEN))("%s", (name, [text, value]) => {
    const variable = `JACKFIELD_${name.toUpperCase().replaceAll("-", "_")}`;
    expect(readOptions([], { ...NEEDS[name], [variable]: text.replace("FILE", config({ rate: 30 })) })).toMatchObject({
      [name]: value,
    });
    expect(readOptions(["--config", config({ [name]: value })], NEEDS[name] ?? {})).toMatchObject({ [name]: value });
  });

  test("the list above is whole", () => {
    expect(Object.keys(TAKEN)).toEqual(Object.keys(OPTIONS));
  });
});

describe("a flag that may be repeated", () => {
  test.each(["package", "mount", "allow-origin", "allow-host", "trust-proxy"] as const)(
    "--%s collects its values, in order",
    (name) => {
      expect(readOptions([`--${name}`, "one", `--${name}`, "two"], {})[name]).toEqual(["one", "two"]);
    },
  );
  test("--link collects its values, of each flag several", () => {
    const args = ["--node", "alice.os", "--link", "nats://a:1,nats://b:2", "--link", "nats://c:3"];
    expect(readOptions(args, {}).link).toEqual(["nats://a:1", "nats://b:2", "nats://c:3"]);
  });
  test("--limit collects its values by name", () => {
    expect(readOptions(["--limit", "mailbox=9", "--limit", "timers=8"], {}).limit).toEqual({ mailbox: 9, timers: 8 });
  });
});

describe("a port", () => {
  test.each([0, 1, 65_535])("may be %i", (port) => {
    expect(readOptions(["--port", String(port)], {}).port).toBe(port);
  });
  test.each(["-1", "65536", "80.5", "http"])("may not be %s", (port) => {
    expect(refusal([`--port=${port}`])).toBe(
      `Cannot use --port as it must be a whole number, 0 to 65535 (0: any free one): got "${port}"`,
    );
  });
});

describe("an option that needs another one", () => {
  test.each<[readonly string[], string]>([
    [
      ["--tls-cert", "a.crt"],
      "Cannot use --tls-cert as it needs --tls-key: there is none, give it with the private key of that certificate",
    ],
    [
      ["--tls-key", "a.key"],
      "Cannot use --tls-key as it needs --tls-cert: there is none, give it with the certificate of that key",
    ],
    [
      ["--redirect-http", "80"],
      "Cannot use --redirect-http as it needs --tls-cert: there is none, give it and --tls-key: there is no https to send anybody to",
    ],
    [
      ["--reuse-port"],
      "Cannot use --reuse-port as it needs --port: there is none, give it as both nodes must name the same one",
    ],
    [
      ["--node", "alice.os", "--link-seed", "bus.seed"],
      "Cannot use --link-seed as it needs --link: there is none, give it with the servers: nats://host:4222",
    ],
    [
      ["--node", "alice.os", "--link", "nats://a:1", "--link-cert", "a.crt"],
      "Cannot use --link-cert as it needs --link-key: there is none, give it with the private key of that certificate",
    ],
    [
      ["--node", "alice.os", "--link", "nats://a:1", "--link-key", "a.key"],
      "Cannot use --link-key as it needs --link-cert: there is none, give it with the certificate of that key",
    ],
    [
      ["--link", "nats://a:1"],
      'Cannot use --link as the others know a node by its name, and "localhost" is any: give it one of its own with --node, e.g. alice.os',
    ],
  ])("%j is refused", (args, words) => {
    expect(refusal(args)).toBe(words);
  });
});

describe("the servers of --link", () => {
  test.each(["a:4222", "http://a:4222", "nats://user:secret@a:4222", "nats://a:4222,", "nats://a b"])(
    "are not %s",
    (url) => {
      expect(refusal(["--node", "alice.os", `--link=${url}`])).toBe(
        `Cannot use --link as it must be nats://HOST:PORT or tls://HOST:PORT, commas between: got ["${url}"]`,
      );
    },
  );
});

describe("a flag without a value", () => {
  test.each([
    ["true", true],
    ["1", true],
    ["false", false],
    ["0", false],
  ])("is %s in the environment", (text, value) => {
    expect(readOptions([], { JACKFIELD_MEMORY: text }).memory).toBe(value);
  });
  test("is nothing else", () => {
    expect(refusal([], { JACKFIELD_MEMORY: "yes" })).toBe(
      'Cannot use JACKFIELD_MEMORY as it must be true or false: got "yes"',
    );
  });
});

describe("a refusal names where the value stands, the rule and the value", () => {
  test.each<[string, unknown, string]>([
    ["a text", { node: 5 }, 'Cannot use "node" in the config file as it must be a text: got 5'],
    ["a list", { package: [1] }, 'Cannot use "package" in the config file as it must be a list of texts: got [1]'],
    [
      "a transport",
      { transport: "tcp" },
      'Cannot use "transport" in the config file as it must be auto, uws or ws: got "tcp"',
    ],
    [
      "a limit without a number",
      { limit: { mailbox: "many" } },
      'Cannot use "limit" in the config file as it must be NAME=NUMBER: got {"mailbox":"many"}',
    ],
    [
      "a limit that is none",
      { limit: { mailboxes: 5 } },
      'Cannot use "limit" in the config file as it must be the name of a limit (see jackfield --help limits): got {"mailboxes":5}',
    ],
  ])("%s", (_, value, words) => {
    expect(refusal(["--config", config(value)])).toBe(words);
  });
});

describe("a config file", () => {
  test("that is named and missing is refused", () => {
    const path = join(temporaryFolder(), "none.json");
    expect(refusal(["--config", path])).toBe(
      `Cannot read config file "${path}" as it is missing or not readable: leave --config out for jackfield.config.json`,
    );
  });
  test("that is no JSON is refused", () => {
    const path = config("{ node: 1 }");
    expect(refusal(["--config", path])).toMatch(`Cannot read config file "${path}" as it is no JSON: `);
  });
  test.each([
    ["an unknown name", { prot: 1 }, '"prot"'],
    ["a list", [1], '"0"'],
    ["a text", '"text"', '""'],
    ["null", "null", '""'],
  ])("with %s in it is refused", (_, value, got) => {
    const path = config(value);
    expect(refusal(["--config", path])).toBe(
      `Cannot read config file "${path}" as it must be an object with the names of options: got ${got}, known are ${Object.keys(OPTIONS).join(", ")}`,
    );
  });
});

describe("a command line", () => {
  test.each([
    ["an unknown flag", ["--prot", "1"], "Unknown option '--prot'"],
    ["a word too many", ["now"], "Unexpected argument 'now'"],
    ["a flag that lacks its value", ["--port"], "Option '--port <value>' argument missing"],
    ["a value for a flag that takes none", ["--memory=yes"], "Option '--memory' does not take an argument"],
  ])("with %s is refused", (_, args, why) => {
    expect(refusal(args)).toMatch(/^Cannot start as the command line is not understood: .*See jackfield --help$/);
    expect(refusal(args)).toContain(why);
  });
});

describe("a service", () => {
  test("is off again when the last flag says so", () => {
    expect(readOptions(["--labgraph", "9000", "--labgraph", "off"], {}).labgraph).toBeNull();
  });

  test("wants a port or off", () => {
    expect(() => readOptions(["--hanami", "on"], {})).toThrow(
      'Cannot use --hanami as it must be a whole number, 0 to 65535 (0: any free one), or off: got "on"',
    );
  });
});

describe("settings that cannot be taken", () => {
  test.each([
    ["nothing", {}, "PROCESS=FILE, for example soundlab:soundlab:sys=soundlab.json"],
    ["a:b:c=/not/there.json", {}, 'PROCESS=FILE with a readable file of JSON: "/not/there.json": Error: ENOENT'],
    ["a:b:c=FILE", [1], 'an object of settings for "a:b:c"'],
    ["nobody=FILE", {}, "for a process:package:publisher: "],
  ])("%s with %j", (item, content, rule) => {
    const args = ["--settings", item.replace("FILE", config(content))];
    expect(() => readOptions(args, {})).toThrow(`Cannot use --settings as it must be ${rule}`);
  });
});

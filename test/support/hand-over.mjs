/**
 * Hands a port from node to node under load, and counts what the clients saw. Run by hand-over.test.ts, in a network of its
 * own where it may have one (`unshare`): there `net.ipv4.tcp_migrate_req` is set, and nobody else's traffic counts.
 *
 *   node hand-over.mjs COMMAND DATA PORT HAND_OVERS START_ARGUMENTS…   →  one line of JSON, see `report`
 *
 * Raw TCP, one connection per request: a client that keeps or repeats one would hide what is lost.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";

const [command, data, port, handOvers, ...args] = process.argv.slice(2);
const PASSWORD = "correct horse battery";
const ECHO = "echo:echo:sys";
const ASKING = 8; // loops of HTTP requests
const REGISTERING = 4; // loops of sockets that register, are echoed to, and close
const STAYING = 4; // sockets that stay until they are told to go
const OVERLAP_MS = 50; // both nodes serve, before the older is told to stop
const SILENCE_MS = 10_000; // nothing may take as long
const GOING_AWAY = Buffer.from([0x03, 0xe9]); // 1001

const report = {
  /** Whether the kernel moves connections from a closed port to the next (net.ipv4.tcp_migrate_req). */
  migrates: readFileSync("/proc/sys/net/ipv4/tcp_migrate_req", "latin1").trim() === "1",
  handOvers: 0,
  /** HTTP requests answered with 200. */
  answered: 0,
  /** Sockets that registered and were echoed to. */
  registered: 0,
  /** Sockets that were told 1001. */
  told: 0,
  /** By what went wrong: refused, reset, closed without an answer, silent, another status. */
  lost: {},
  /** Exit codes and signals of the nodes that were told to stop, and what they wrote to stderr. */
  exits: [],
  stderr: "",
};

const lose = (why) => {
  report.lost[why] = (report.lost[why] ?? 0) + 1;
};

const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
process.once("SIGTERM", () => process.exit(1));

/** Resolves when it says that it runs. */
function start(...more) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [
      command,
      "start",
      "--port",
      port,
      "--reuse-port",
      "--data",
      data,
      ...args,
      ...more,
    ]);
    children.add(child);
    child.once("exit", () => children.delete(child));
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
      if (said.includes("Ctrl-C")) resolve(child);
    });
    child.stderr.on("data", (chunk) => {
      report.stderr += chunk;
    });
    child.once("exit", (code) => reject(new Error(`ended with ${code} before it ran: ${said}${report.stderr}`)));
  });
}

/**
 * One connection that writes `request`. @param step gets all bytes that came, and the socket; true: it is done
 * @returns why it failed, or undefined
 */
function converse(request, step) {
  return new Promise((resolve) => {
    const socket = connect({ port: Number(port), host: "127.0.0.1" });
    let bytes = Buffer.alloc(0);
    let error;
    let done = false;
    socket.setTimeout(SILENCE_MS, () => {
      error = { code: "SILENT" };
      socket.destroy();
    });
    socket.on("connect", () => socket.write(request));
    socket.on("error", (thrown) => {
      error = thrown;
    });
    socket.on("data", (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (done || !step(bytes, socket)) return;
      done = true;
      socket.end();
    });
    socket.on("close", () => resolve(done ? undefined : (error?.code ?? "CLOSED WITHOUT AN ANSWER")));
  });
}

const head = (lines) => `${["GET / HTTP/1.1", "host: localhost", ...lines].join("\r\n")}\r\n\r\n`;
const text = (body) =>
  Buffer.concat([Buffer.from([0x81, 0x80 | 126, body.length >> 8, body.length & 0xff, 0, 0, 0, 0]), Buffer.from(body)]);

function ask() {
  return converse(head([]).replace("GET /", "GET /our"), (bytes) => {
    const answer = bytes.toString("latin1");
    if (!answer.endsWith("localhost")) return false;
    if (answer.startsWith("HTTP/1.1 200 ")) report.answered++;
    else lose(answer.slice(0, 12));
    return true;
  });
}

/** @param isDone whether the socket has seen enough: gets what came behind the head */
function register(token, isDone) {
  const key = randomBytes(16).toString("base64");
  const lines = ["upgrade: websocket", "connection: Upgrade", "sec-websocket-version: 13", `sec-websocket-key: ${key}`];
  let sent = false;
  return converse(head(lines), (bytes, socket) => {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) return false;
    if (!bytes.toString("latin1").startsWith("HTTP/1.1 101 ")) {
      lose(bytes.toString("latin1", 0, 12));
      return true;
    }
    if (!sent) {
      sent = true;
      socket.write(text(JSON.stringify({ auth_token: token, target_process: ECHO })));
      socket.write(text("hello"));
    }
    const frames = bytes.subarray(end + 4);
    if (frames.includes(GOING_AWAY)) {
      report.told++;
      return true;
    }
    return isDone(frames);
  });
}

const isEchoed = (frames) => frames.includes('"channel_id":') && frames.toString("latin1").endsWith("hello");

let stopped = false;
async function loop(work) {
  while (!stopped) {
    const why = await work();
    if (why !== undefined) lose(why);
  }
}

let node = await start("--password", PASSWORD);
const login = await fetch(`http://127.0.0.1:${port}/login`, {
  method: "POST",
  body: JSON.stringify({ password: PASSWORD }),
});
const [, token = ""] = /kinode-auth_localhost=([^;]+)/.exec(login.headers.getSetCookie().join("\n")) ?? [];

const loops = [
  ...Array.from({ length: ASKING }, () => loop(ask)),
  ...Array.from({ length: REGISTERING }, () =>
    loop(() =>
      register(token, (frames) => {
        if (!isEchoed(frames)) return false;
        report.registered++;
        return true;
      }),
    ),
  ),
  ...Array.from({ length: STAYING }, () => loop(() => register(token, () => stopped))),
];

for (let round = 0; round < Number(handOvers); round++) {
  const next = await start();
  await new Promise((resolve) => setTimeout(resolve, OVERLAP_MS));
  const over = new Promise((resolve) => node.once("exit", (code, signal) => resolve(code ?? signal)));
  node.kill("SIGTERM");
  report.exits.push(await over);
  report.handOvers++;
  node = next;
}
stopped = true;
const over = new Promise((resolve) => node.once("exit", resolve));
node.kill("SIGTERM"); // tells those that stay
await over;
await Promise.all(loops);
process.stdout.write(`${JSON.stringify(report)}\n`);

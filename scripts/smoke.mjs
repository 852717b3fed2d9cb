/**
 * Starts the built node under each Node binary given, on the transport it chooses and on ws, and chats with it:
 * `node scripts/smoke.mjs /path/to/node …`. Prints a line each; exit 1 at the first that fails.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const START_MS = 15_000; // a busy machine; usually 0.3 s

for (const binary of process.argv.slice(2)) {
  for (const transport of ["auto", "ws"]) process.stdout.write(`${await chatUnder(binary, transport)}\n`);
}

async function chatUnder(binary, transport) {
  const args = ["start", "--memory", "--port", "0", "--password", "smoke test", "--transport", transport];
  const child = spawn(binary, [join(root, "dist/bin/jackfield.js"), ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const guard = setTimeout(() => child.kill("SIGKILL"), START_MS);
  try {
    const lines = [];
    let url;
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      url ??= /http:\/\/\S+/.exec(line)?.[0];
      if (line.includes("Ctrl-C")) break;
    }
    if (url === undefined)
      throw new Error(`Cannot chat under ${binary} as the node did not start:\n${lines.join("\n")}`);
    await chat(new URL(url));
    child.kill("SIGTERM");
    const [code] = await exited;
    if (code !== 0) throw new Error(`Cannot pass ${binary} as SIGTERM must end it with exit code 0: got ${code}`);
    const which = lines.find((line) => line.includes("transport"))?.trim();
    return `ok  ${binary === process.execPath ? process.version : binary.split("/").slice(-3, -2)}  ${which}`;
  } finally {
    clearTimeout(guard);
    if (child.exitCode === null) child.kill("SIGKILL");
  }
}

async function chat(url) {
  const login = await fetch(new URL("/login", url), {
    method: "POST",
    body: JSON.stringify({ password: "smoke test" }),
  });
  if (login.status !== 200) throw new Error(`Cannot log in: ${login.status}`);
  const cookie = login.headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");
  const socket = new WebSocket(`ws://${url.host}/`, { headers: { cookie } });
  await once(socket, "open");
  const seen = [];
  const said = new Promise((resolve, reject) => {
    socket.on("close", (code) => reject(new Error(`Cannot chat: closed with ${code} after ${seen.join(" ")}`)));
    socket.on("message", (data) => {
      seen.push(String(data));
      if (JSON.parse(String(data)).type === "said") resolve();
    });
  });
  socket.send(JSON.stringify({ target_process: "chat:chat:template.os" }));
  socket.send(JSON.stringify({ type: "say", text: "hello" }));
  await said;
  socket.removeAllListeners("close");
  socket.close();
}

/**
 * Argon2id in a thread of its own, which ends with its answer: 61 ms of one core that would hold up every socket.
 *
 * Only programs that send a bare password need it, and the setting of one: browsers hash by themselves. Hence no thread
 * is kept. Node's own crypto.argon2 would do, but comes with 24.7.
 */
import { createRequire } from "node:module";

export type Argon2Options = {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly iterations: number;
  /** KiB. */
  readonly memorySize: number;
  readonly parallelism: number;
  /** Bytes. */
  readonly hashLength: number;
};

/** CommonJS: what a worker takes as text. */
const SCRIPT = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { argon2id } = require(workerData.library);
  argon2id({ ...workerData.options, outputType: "hex" }).then((hex) => parentPort.postMessage(hex));
`;

/** @returns hex @throws {Error} (rejects) the thread ended without an answer */
export async function argon2id(options: Argon2Options): Promise<string> {
  const { Worker } = await import("node:worker_threads"); // not at every start
  const library = createRequire(import.meta.url).resolve("hash-wasm");
  const worker = new Worker(SCRIPT, { eval: true, workerData: { library, options }, execArgv: [] });
  return await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => reject(new Error(`the thread that hashes ended with code ${code}`))); // after an answer: nobody hears it
  });
}

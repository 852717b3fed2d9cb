/**
 * Plays schedules of a kernel in simulated time (test/support/simulation), without jest:
 *
 *   npm run simulate -- --schedules 100000
 *   npm run simulate -- --seed 42 --path 17:0:1      what a failing run has printed
 *   npm run simulate -- --mutants [part of a name]   whether it finds what it is for
 *
 * `--mutants` plants one defect at a time into a copy of the kernel's code and wants each of them found. A mutant whose
 * text is no longer in kernel/ is an error: change it along with the code.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "node_modules/.cache/jackfield"); // below node_modules, where it finds its packages
const MUTANT_SCHEDULES = "20000"; // each was found within a quarter of that

/** What is wrong, the text that is right, and what stands in its place. */
const MUTANTS = [
  ["who waits on a process that is gone is not told", "other.pending?.failHeldBy(gone);", ""],
  [
    "a message that crashed its process is tried again",
    "this.#kernel.bus.dropCrashed(envelope, this);",
    "this.mailbox.postFirst([envelope]);",
  ],
  [
    "two messages change places",
    "take(): Envelope | undefined {\n    return this.#waiting.shift();",
    `take(): Envelope | undefined {
    const [first, second] = [this.#waiting.shift(), this.#waiting.shift()];
    if (first !== undefined && second !== undefined) this.#waiting.unshiftAll([first]);
    return second ?? first;`,
  ],
  [
    "the prelude of a restart is lost",
    "this.mailbox.postFirst(this.#kernel",
    "((_: unknown) => undefined)(this.#kernel",
  ],
  ["a second answer is taken", "if (!this.#take(entry) && !entry.isReleased) return false;", "this.#take(entry);"],
  ["timers come early", "Math.ceil((now + ms) / TICK)", "Math.floor((now + ms) / TICK)"],
  ["a new incarnation hears answers meant for the one before", 'waiting.kind !== "request"', "false"],
  ["an incarnation that has ended still waits", "    this.pending.clear();", ""],
  ["the next message does not wait for a promise", "=== LINED) this.#turn = BUSY;", "=== LINED) this.#turn = IDLE;"],
  [
    "a mailbox does not hold the blobs in it",
    "if (envelope.blob !== null) envelope.blob.hold();\n    this.#waiting.push",
    "this.#waiting.push",
  ],
  ["a mailbox takes one too many", "this.#waiting.length >= this.capacity", "this.#waiting.length > this.capacity"],
  [
    "the sender of what crashed a process is not told",
    'pending?.holder === by) pending.fail("Offline")',
    "false) return",
  ],
  [
    "what waits for a process that ends vanishes",
    'this.#kernel.bus.refuse(envelope, "Offline", "exited")',
    "void envelope",
  ],
  ["a cancelled timer that waits in a mailbox is run", "&& envelope.origin.cancelled", "&& false"],
  ["an answer comes without its context", "answer.context = entry.request.context;", ""],
  ["who answers for another is forgotten", "if (pending !== null) pending.holder = target;", ""],
  [
    "a message whose handler kills its own process and goes on vanishes",
    "else this.#dropHand(); // it was killed",
    "// it was killed",
  ],
  ["a capability outlives who issued it", "other.capabilities.revokeFrom(gone.address.text);", ""],
  [
    "a sender remembers that it may, when it may no longer",
    "this.#messaging.delete(id);\n    this.#epoch.value++;",
    "this.#messaging.delete(id);",
  ],
  ["messages are handled during a farewell", "this.#turn = HELD;\n    this.#farewell", "this.#farewell"],
];

async function bundle(name, plugins = []) {
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [join(root, "test/support/simulation/main.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
    logLevel: "warning",
    plugins,
  });
  return outfile;
}

function planting(find, replacement) {
  return {
    name: "mutant",
    setup: ({ onLoad }) => {
      onLoad({ filter: /\/kernel\/[^/]+\.ts$/ }, ({ path }) => ({
        contents: readFileSync(path, "utf8").replace(find, () => replacement),
        loader: "ts",
      }));
    },
  };
}

/** @param only a part of what it says */
async function tryMutants(only = "") {
  const sources = readdirSync(join(root, "kernel")).map((file) => readFileSync(join(root, "kernel", file), "utf8"));
  let missed = 0;
  const chosen = MUTANTS.filter(([says]) => says.includes(only));
  for (const [index, [says, find, replacement]] of chosen.entries()) {
    if (!sources.some((text) => text.includes(find)))
      throw new Error(`Cannot plant "${says}" as kernel/ has no: ${find}`);
    const file = await bundle(`mutant-${index}`, [planting(find, replacement)]);
    const { status, stdout } = spawnSync(
      process.execPath,
      [file, "--json", "--schedules", MUTANT_SCHEDULES, "--seed", "1"],
      {
        encoding: "utf8",
        maxBuffer: 2 ** 26, // bytes: a broken plan comes with its trace
      },
    );
    const { broken } = status === 1 ? JSON.parse(stdout) : { broken: null };
    if (broken === null) missed++;
    const after = Number(broken?.path.split(":")[0]) + 1; // plans
    process.stdout.write(
      `${broken === null ? "MISSED" : `found by plan ${after}`.padEnd(18)} ${says}${broken === null ? "" : `: ${broken.says}`}\n`,
    );
  }
  process.stdout.write(`${chosen.length - missed} of ${chosen.length} found\n`);
  process.exitCode = missed === 0 ? 0 : 1;
}

const mutants = process.argv.indexOf("--mutants");
if (mutants > 0) await tryMutants(process.argv[mutants + 1]);
else await import(pathToFileURL(await bundle("simulate")).href);

/**
 * Plays schedules of a kernel in simulated time (test/support/simulation), without jest:
 *
 *   npm run simulate -- --schedules 100000
 *   npm run simulate -- --seed 42 --path 17:0:1      what a failing run has printed
 *   npm run simulate -- --mutants [part of a name]   whether it finds what it is for
 *
 * `--mutants` plants one defect at a time into a copy of the kernel's code and wants each of them found. A mutant whose
 * text is no longer in kernel/ is an error (test/kernel/mutants.test.ts): change it along with the code.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { MUTANTS } from "./mutants.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "node_modules/.cache/jackfield"); // below node_modules, where it finds its packages
const MUTANT_SCHEDULES = "20000"; // each was found within a quarter of that

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
  const files = readdirSync(join(root, "kernel")).filter((file) => file.endsWith(".ts"));
  const sources = files.map((file) => readFileSync(join(root, "kernel", file), "utf8"));
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

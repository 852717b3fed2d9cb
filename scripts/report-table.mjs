/** One report of the bench (bench/bench.ts has its type) as a section of docs/performance.md. */

/** What goes into a table besides the main figure, where a bench has it, under which head. */
const ALSO = {
  p50Us: "p50 µs",
  p99Us: "p99 µs",
  cpuNsPerMessage: "server ns each",
  spreadP50Ms: "spread p50 ms",
  spreadP99Ms: "spread p99 ms",
  cpuNsPerDelivery: "server ns each",
  rssGrowthKb: "RSS growth kB",
  bytesPerChannelAfterGc: "after gc",
  opensPerSecond: "opened /s",
  cpuUsPerOpen: "server µs to open",
  closeMs: "all closed in ms",
  perSecond: "per second",
  cpuMs: "server ms",
  firstMs: "first start ms",
};

/** What npm left of a contender, where a report has it: under which head, and the figure. */
const INSTALLED = {
  "installed MB": ({ bytes }) => bytes / 1e6,
  packages: (installed) => installed.packages,
};

const LOAD = { connections: "connections", inflight: "in flight each", bytes: "bytes", seconds: "s a round" };

/** Facts that stand above the table. */
const SAID = new Set([...Object.keys(LOAD), "starts"]);

/** Units of which few are better, and what few of them are. */
const LESS_IS_BETTER = {
  "bytes/channel": "memory",
  "bytes/process": "memory",
  ms: "time",
  "% heap growth": "growth",
};

const number = (value) =>
  Number.isFinite(value) ? value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 0 }) : "";
const row = (cells) => `| ${cells.join(" | ")} |`;

/** What was done how often: of `start` each figure is a start, ten of which are a round. */
function work({ contenders, starts, nodeVariables = [], ...facts }) {
  const [first] = Object.values(contenders);
  return [
    ...Object.entries(facts)
      .filter(([name]) => name in LOAD)
      .map(([name, value]) => `${value} ${LOAD[name]}`),
    starts === undefined ? `rounds: ${first?.rounds?.length ?? 0}` : `starts of each: ${number(starts)}`,
    ...nodeVariables.map((name) => `${name} set`),
  ].join(", ");
}

/** Every figure that holds for all of the table, with what it says. */
function factsOf({ ratio, ratios = {}, ...facts }) {
  const others = Object.entries(facts).filter(([name, fact]) => typeof fact === "number" && !SAID.has(name));
  return [...(ratio === null ? [] : [["ratio to the limit", ratio]]), ...Object.entries(ratios), ...others];
}

/** @returns undefined where more is better */
function direction({ unit, ratio, ratios = {} }) {
  const less = LESS_IS_BETTER[unit];
  if (less === undefined) return undefined;
  const hasRatios = ratio !== null || Object.keys(ratios).length > 0;
  return `Less ${less} is better${hasRatios ? ", and so is a smaller ratio of it" : ""}.`;
}

/** In Markdown, with an empty line at its end. */
export function tableOf(report) {
  const { bench, unit, contenders, installed, missing = [] } = report;
  const names = Object.keys(ALSO).filter((name) =>
    Object.values(contenders).some(({ also }) => also?.[name] !== undefined),
  );
  const sizes = Object.entries(installed ? INSTALLED : {});
  const head = ["", unit, "min", "max", ...names.map((name) => ALSO[name]), ...sizes.map(([says]) => says)];
  const rows = Object.entries(contenders).map(([name, { median, min, max, also = {} }]) =>
    row([
      name,
      ...[median, min, max].map(number),
      ...names.map((each) => number(also[each]?.median)),
      ...sizes.map(([, figure]) => (installed[name] === undefined ? "" : number(figure(installed[name])))),
    ]),
  );
  const below = [
    missing.length === 0 ? undefined : `Could not be had: ${missing.join(", ")}.`,
    direction(report),
    factsOf(report)
      .map(([says, value]) => `${says} **${value < 100 ? value.toFixed(value < 10 ? 3 : 1) : number(value)}**`)
      .join(" · "),
  ].filter(Boolean);
  return [
    `### ${bench}`,
    "",
    work(report),
    "",
    row(head),
    row(head.map((_, i) => (i === 0 ? "---" : "--:"))),
    ...rows,
    "",
    ...below.flatMap((line) => [line, ""]),
  ].join("\n");
}

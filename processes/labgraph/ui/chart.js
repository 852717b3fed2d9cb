/**
 * The last seconds of a stream as lines: of a number one, of a list of numbers one for each, of an object one for each
 * member that is a number. Anything else has no lines.
 */
import uPlot from "./uplot.js";

const SECONDS = 10; // that are shown
const SERIES_MAX = 8; // lines: more cannot be told apart
const POINTS_MAX = 40_000; // of one line: ten seconds of 2,000 samples per second, twice
const HEIGHT = 320; // CSS pixels

/** @returns `[name, number]` of each line that `data` has */
export function linesOf(data) {
  if (typeof data === "number") return [["value", data]];
  if (typeof data !== "object" || data === null) return [];
  return Object.entries(data)
    .filter(([, value]) => typeof value === "number" || (value === null && Array.isArray(data)))
    .slice(0, SERIES_MAX);
}

export class Chart {
  #place;
  #plot;
  #names = [];
  #columns = [[]]; // times, then one per line
  #isDue = false;

  constructor(place) {
    this.#place = place;
    new ResizeObserver(() => this.#plot?.setSize({ width: place.clientWidth, height: HEIGHT })).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#make()); // colours are the canvas's own
  }

  clear() {
    this.#names = [];
    this.#columns = [[]];
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  /** @param time seconds since 1970 */
  add(time, data) {
    const lines = linesOf(data);
    if (lines.length === 0) return;
    const names = lines.map(([name]) => name);
    if (names.join("\n") !== this.#names.join("\n")) {
      this.clear();
      this.#names = names;
      this.#columns = [[], ...names.map(() => [])];
      this.#make();
    }
    const times = this.#columns[0];
    if (times.length > 0 && time <= times.at(-1)) return; // a line goes to the right
    times.push(time);
    for (const [index, [, value]] of lines.entries()) this.#columns[index + 1].push(value);
    if (times.length > POINTS_MAX) this.#trim(times.length - POINTS_MAX / 2); // a tab in the background draws nothing
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#isDue = false;
    const times = this.#columns[0];
    const from = (times.at(-1) ?? 0) - SECONDS;
    let old = 0;
    while (old < times.length && times[old] < from) old++;
    this.#trim(old);
    this.#plot?.setData(this.#columns, true);
    if (this.#plot?.cursor.idx == null) this.#plot?.setLegend({ idx: times.length - 1 }); // or what is pointed at
  }

  #trim(count) {
    if (count > 0) for (const column of this.#columns) column.splice(0, count);
  }

  #make() {
    if (this.#names.length === 0) return;
    this.#plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color("--ink-soft"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { stroke: color("--line"), width: 1 },
    };
    const series = this.#names.map((name, index) => ({
      label: name,
      stroke: color(`--series-${index + 1}`),
      width: 1.5,
      points: { show: false },
      value: (_, value) => (value === null ? "–" : Number(value.toPrecision(4))),
    }));
    const options = {
      width: this.#place.clientWidth,
      height: HEIGHT,
      cursor: { drag: { x: false, y: false } },
      axes: [axis, axis],
      series: [
        { label: "time", value: (_, time) => (time === null ? "–" : new Date(time * 1000).toLocaleTimeString()) },
        ...series,
      ],
    };
    this.#plot = new uPlot(options, this.#columns, this.#place);
  }
}

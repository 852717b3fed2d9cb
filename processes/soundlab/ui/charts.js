/** Charts of the last ten seconds, redrawn with the screen and not with the messages. */
import uPlot from "./uplot.js";

const SECONDS = 10; // that a chart shows
const POINTS_MAX = SECONDS * 40; // a little more than 30 frames a second bring
const HEIGHT = 160; // CSS pixels

const dark = matchMedia("(prefers-color-scheme: dark)");

/**
 * @param into the element that gets the figure
 * @param traces `[{ label, scale? }]` @param ranges `{ y: [low, high] }`, by scale; null: by what is drawn
 */
export function makeChart(into, { traces, ranges, format = (value) => value.toFixed(1) }) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const place = Object.assign(document.createElement("div"), { className: "plot" });
  traces.forEach(({ label }, index) => {
    const name = Object.assign(document.createElement("span"), { textContent: label });
    name.style.setProperty("--trace", `var(--trace-${index + 1})`);
    caption.append(name);
  });
  figure.append(caption, place);
  into.append(figure);

  const data = [[], ...traces.map(() => [])];
  let plot;
  let isDue = false;
  const build = () => {
    plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour("--ink-soft"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { stroke: colour("--line"), width: 1 },
    };
    const scales = Object.entries(ranges).map(([name, range]) => [name, range === null ? {} : { range }]);
    plot = new uPlot(
      {
        width: place.clientWidth || 300,
        height: HEIGHT,
        cursor: { show: false },
        legend: { show: false },
        scales: { x: { time: false, range: (_, __, max) => [max - SECONDS, max] }, ...Object.fromEntries(scales) },
        axes: [
          {
            ...axis,
            size: 32, // below that the line of text is cut
            splits: (_, __, ___, max) => [8, 6, 4, 2, 0].map((ago) => max - ago), // they stand still
            values: () => ["8 s", "6 s", "4 s", "2 s", "now"],
          },
          { ...axis, size: 44, scale: Object.keys(ranges)[0], values: (_, at) => at.map((y) => format(y)) },
        ],
        series: [
          {},
          ...traces.map(({ label, scale = "y" }, index) => ({
            label,
            scale,
            stroke: colour(`--trace-${index + 1}`),
            width: 1.5,
            points: { show: false },
          })),
        ],
      },
      data,
      place,
    );
  };
  build();
  dark.addEventListener("change", build);
  new ResizeObserver(() => {
    if (place.clientWidth > 0) plot.setSize({ width: place.clientWidth, height: HEIGHT });
  }).observe(place);

  return {
    /** @param at seconds @param values one per trace; null: a gap */
    add(at, values) {
      const [times] = data;
      if (times.length > 0 && at <= times[times.length - 1]) for (const column of data) column.length = 0; // it began anew
      times.push(at);
      for (const [index, value] of values.entries()) data[index + 1].push(value);
      if (times.length > POINTS_MAX) for (const column of data) column.splice(0, times.length - POINTS_MAX);
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        plot.setData(data);
      });
    },
    /** Where nothing came: the line is not drawn across. */
    gap() {
      const [times] = data;
      if (times.length > 0)
        this.add(
          times[times.length - 1] + 0.001,
          traces.map(() => null),
        );
    },
  };
}

/** The streams page: one stream drawn live, and the node's own graph. Works wherever the process is reached: its address is relative. */
import { LabGraphApi } from "./api.js";
import { Chart, linesOf } from "./chart.js";
import { showGraph } from "./graph.js";

const MONITOR = "labgraph.monitor";
const LIST_MS = 5000; // between two looks at which streams there are

const at = (id) => document.getElementById(id);
const STATES = { connecting: "Connecting…", connected: "Connected", lost: "Connection lost: trying again" };

const url = new URL(".", location.href);
url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
const api = new LabGraphApi(url, {
  onState(state) {
    at("state").textContent = STATES[state];
  },
});

const chart = new Chart(at("chart"));
let chosen; // the name of the stream that is drawn
let stop = () => undefined;
let last; // its newest sample, and the number of its batch
let batches = []; // when those of the last second came, milliseconds

function choose(name) {
  stop();
  chosen = name;
  last = undefined;
  batches = [];
  chart.clear();
  at("trouble").hidden = true;
  for (const id of ["batch", "rate", "delay", "sample"]) at(id).textContent = id === "sample" ? "" : "–";
  stop = api.start(name, {
    onSample(sample, number) {
      last = { sample, number };
      batches.push(performance.now());
      chart.add(sample.produced_timestamp_s, sample.data);
    },
    onRefused(_code, desc) {
      at("trouble").textContent = desc;
      at("trouble").hidden = false;
    },
  });
}

/** Four times a second: more can nobody read. */
function showNumbers() {
  const now = performance.now();
  while (batches.length > 0 && batches[0] < now - 1000) batches.shift();
  if (last === undefined) return;
  const { sample, number } = last;
  at("trouble").hidden = linesOf(sample.data).length > 0;
  at("trouble").textContent = "This stream has no numbers to draw: its last sample is below.";
  at("batch").textContent = String(number);
  at("rate").textContent = String(batches.length);
  at("delay").textContent = `${Math.max(0, Math.round((sample.timestamp_s - sample.produced_timestamp_s) * 1000))} ms`;
  if (at("sample").closest("details").open) at("sample").textContent = JSON.stringify(sample, null, 1).slice(0, 10_000);
}

async function list() {
  const answer = await fetch(new URL("streams.json", location.href)).catch(() => undefined);
  const streams = answer?.ok ? await answer.json() : [];
  const names = streams.map(({ name }) => name);
  if (chosen !== undefined && !names.includes(chosen)) names.unshift(chosen); // its source may come back
  const select = at("stream");
  if ([...select.options].map(({ value }) => value).join("\n") !== names.join("\n")) {
    select.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
  }
  if (chosen === undefined && names.length > 0) {
    select.value = names.find((name) => name !== MONITOR) ?? names[0];
    choose(select.value);
  }
}

at("stream").addEventListener("change", ({ target }) => choose(target.value));
at("graph-state").textContent = `waiting for ${MONITOR}`;
api.start(MONITOR, {
  onSample({ data }) {
    const { nodes, edges } = showGraph(at("graph"), data);
    at("graph-state").textContent = `${nodes} nodes, ${edges} edges`;
  },
  onRefused(_code, desc) {
    at("graph-state").textContent = desc;
  },
});
setInterval(showNumbers, 250);
setInterval(list, LIST_MS);
list();

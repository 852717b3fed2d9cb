/** Soundlab's live page: three streams drawn, and the signal's inputs to move. */
import { makeChart } from "./charts.js";
import { makeControls } from "./controls.js";
import { ask, openStream } from "./streams.js";

const EVENTS_MAX = 50; // lines; older ones go
const REFRESH_MS = 2000; // between two looks at what another page may have set

const $ = (id) => document.getElementById(id);
const [main] = document.getElementsByTagName("main");
const charts = $("charts");

const PLACES = {
  channels: $("channels"),
  signal: $("signal"),
  onError: ({ message }) => tell(message),
  onDone: () => tell(""),
};

const STATES = {
  IDLE: "#888",
  AWAKE: "#17a2b8",
  DREAMING: "#b04cc4",
  DEEP_SLEEP: "#3b5bdb",
  REM: "#c9a227",
  CRITICAL: "#d6342b",
  TRANSITION: "#e08a1e",
};

const NUMBERS = [
  ["state", "State", ({ state }) => state],
  ["ici", "ICI", ({ ici }) => ici.toFixed(3)],
  ["coherence", "Phase coherence", ({ phase_coherence }) => phase_coherence.toFixed(3)],
  ["criticality", "Criticality", ({ criticality }) => criticality.toFixed(3)],
  ["centroid", "Spectral centroid", ({ spectral_centroid }) => `${spectral_centroid.toFixed(0)} Hz`],
  ["consciousness", "Consciousness", ({ consciousness_level }) => consciousness_level.toFixed(3)],
  ["phi-depth", "Φ depth", ({ phi_depth }) => phi_depth.toFixed(3)],
  ["phi-phase", "Φ phase", ({ phi_phase }) => `${phi_phase.toFixed(2)} rad`],
  [
    "active",
    "Active channels",
    ({ active_channels, channel_metrics }) => `${active_channels} of ${channel_metrics.length}`,
  ],
  ["frame", "Frame", ({ frame }) => String(frame)],
];

const LATENCY = [
  ["total", "Total", ({ total_latency_ms }) => inMs(total_latency_ms)],
  ["hardware", "Hardware (virtual)", ({ hardware_latency_ms }) => inMs(hardware_latency_ms)],
  ["software", "Software", ({ software_latency_ms }) => inMs(software_latency_ms)],
  ["buffer", "Buffer", ({ buffer_latency_ms }) => inMs(buffer_latency_ms)],
  ["jitter", "Jitter", ({ jitter_ms }) => inMs(jitter_ms)],
  [
    "compensation",
    "Compensation",
    ({ compensation_ms, calibrated }) => (calibrated ? inMs(compensation_ms) : "not calibrated"),
  ],
];

const numbers = fill($("numbers"), NUMBERS);
const latencies = fill($("latency"), LATENCY);
const [shape, critical, centroid, mind, phi, delay] = [
  {
    traces: [{ label: "ICI" }, { label: "Phase coherence" }],
    ranges: { y: [0, 1] },
  },
  { traces: [{ label: "Criticality (1 is balance)" }], ranges: { y: (_, __, max) => [0, Math.max(2, max * 1.1)] } },
  {
    traces: [{ label: "Spectral centroid, kHz" }],
    ranges: { y: (_, low, high) => [Math.max(0, low - 0.5), high + 0.5] },
  },
  {
    traces: [{ label: "Consciousness" }, { label: "Criticality index" }],
    ranges: { y: [0, 1] },
  },
  {
    traces: [{ label: "Φ depth" }, { label: "Φ phase, turns" }],
    ranges: { y: [0, 1.7] },
  },
  {
    traces: [{ label: "Latency, ms" }, { label: "Jitter, ms" }],
    ranges: { y: (_, __, max) => [0, Math.max(10, max * 1.1)] },
    format: (value) => value.toFixed(0),
  },
].map((what) => makeChart(charts, what));

let controls; // once the node has said what there is to set
let last; // the newest frame; shown with the next picture
let isDue = false;

openStream("ws/metrics", {
  onLink(isConnected) {
    $("link").dataset.link = isConnected ? "connected" : "disconnected";
    $("link").textContent = isConnected ? "Connected" : "Disconnected: trying again…";
    main.toggleAttribute("data-stale", !isConnected);
    if (isConnected) void refresh();
    else for (const chart of [shape, critical, centroid, mind, phi]) chart.gap();
  },
  onMessage(frame) {
    if (typeof frame.frame !== "number") return;
    last = frame;
    const { timestamp, ici, phase_coherence, criticality, spectral_centroid, phi_depth, phi_phase } = frame;
    shape.add(timestamp, [ici, phase_coherence]);
    critical.add(timestamp, [criticality]);
    centroid.add(timestamp, [spectral_centroid / 1000]);
    mind.add(timestamp, [frame.consciousness_level, frame.criticality_index]);
    phi.add(timestamp, [phi_depth, phi_phase / (2 * Math.PI)]);
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      show(numbers, NUMBERS, last);
      numbers.get("state").style.setProperty("--state", STATES[last.state] ?? "");
      controls?.meter(last.channel_metrics);
    });
  },
});

openStream("ws/latency", {
  onLink(isConnected) {
    if (!isConnected) delay.gap();
  },
  onMessage(frame) {
    if (typeof frame.total_latency_ms !== "number") return;
    delay.add(frame.timestamp, [frame.total_latency_ms, frame.jitter_ms]);
    show(latencies, LATENCY, frame);
  },
});

openStream("ws/events", {
  onLink: () => {},
  onMessage(event) {
    const line = document.createElement("li");
    const at = new Date(event.timestamp * 1000);
    line.append(
      Object.assign(document.createElement("time"), { textContent: at.toLocaleTimeString() }),
      wordsOf(event),
    );
    $("events").prepend(line);
    while ($("events").children.length > EVENTS_MAX) $("events").lastChild.remove();
    $("no-events").hidden = true;
  },
});

$("audio").addEventListener("click", async ({ target }) => {
  target.disabled = true;
  await attempt("POST", `api/audio/${target.dataset.next}`);
  await refresh();
});

$("calibrate").addEventListener("click", async ({ target }) => {
  target.disabled = true;
  await attempt("POST", "api/latency/calibrate"); // it measures a quarter of a second
  target.disabled = false;
});

/** Asks, and says what went wrong. @returns undefined: something did */
async function attempt(method, path, body) {
  try {
    const said = await ask(method, path, body);
    tell("");
    return said;
  } catch (error) {
    tell(error.message);
    return undefined;
  }
}

function showPresets(presets) {
  for (const { id, name, description } of presets) {
    const button = Object.assign(document.createElement("button"), {
      type: "button",
      textContent: name,
      title: description,
    });
    button.addEventListener("click", async () => {
      const inputs = await attempt("POST", "api/preset/apply", { id });
      if (inputs !== undefined) controls?.show(inputs);
    });
    $("presets").append(button);
  }
}

let refreshing = Promise.resolve();
setInterval(() => {
  if (!main.hasAttribute("data-stale") && !document.hidden) void refresh();
}, REFRESH_MS);

/** Shows what the node has: another page may have changed it. */
function refresh() {
  refreshing = refreshing.then(readAll); // one after the other: the first makes the controls
  return refreshing;
}

async function readAll() {
  try {
    const { audio_running } = await ask("GET", "api/status");
    $("audio").dataset.next = audio_running ? "stop" : "start";
    $("audio").textContent = audio_running ? "Stop audio" : "Start audio";
    $("audio").disabled = false;
    const inputs = await ask("GET", "api/control");
    if (controls !== undefined) return controls.show(inputs);
    controls = makeControls({ ...PLACES, inputs, ranges: await ask("GET", "api/control/ranges") });
    showPresets(await ask("GET", "api/presets"));
  } catch (error) {
    tell(error.message);
  }
}

function tell(text) {
  $("notice").hidden = text === "";
  $("notice").textContent = text;
}

/** @returns the places of values, by name */
function fill(list, rows) {
  return new Map(
    rows.map(([name, label]) => {
      const row = document.createElement("div");
      const value = Object.assign(document.createElement("dd"), { id: `value-${name}`, textContent: "–" });
      if (name === "state") value.className = "state";
      row.append(Object.assign(document.createElement("dt"), { textContent: label }), value);
      list.append(row);
      return [name, value];
    }),
  );
}

function show(places, rows, frame) {
  for (const [name, , text] of rows) places.get(name).textContent = text(frame);
}

function wordsOf(event) {
  switch (event.type) {
    case "state_change":
      return `${event.from_state} → ${event.to_state}, by ${event.trigger} (${Math.round(event.confidence * 100)} %)`;
    case "critical_event":
      return `Criticality up to ${event.criticality.toFixed(2)} for ${Math.round(event.duration_ms)} ms`;
    case "phi_adaptation":
      return `Φ depth ${event.old_depth.toFixed(3)} → ${event.new_depth.toFixed(3)}, ${event.reason}`;
    default:
      return event.type;
  }
}

function inMs(value) {
  return `${value.toFixed(1)} ms`;
}

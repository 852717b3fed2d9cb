/**
 * The inputs of the signal as sliders, and what comes of them as meters.
 *
 * 1. A slider that is moved is sent at most every SEND_MS, its last place always.
 * 2. What the node answers is what is shown, but for the slider in hand.
 */
import { ask } from "./streams.js";

const SEND_MS = 50;
const FREQUENCY_STEPS = 1000; // of a slider: even steps to the ear
const FREQUENCY_MIN = 20; // Hz: what is below is set by the API only

/** Names of places in what GET api/control gives; their ranges are under the same names. */
const SIGNAL = [
  ["noise.amount", "Noise", { step: 0.01 }],
  ["noise.cutoff", "Noise up to", { unit: "Hz", isPitch: true }],
  ["phi.rate", "Φ breathing", { unit: "Hz", step: 0.01 }],
  ["phi.depth", "Φ depth (manual)", { step: 0.001 }],
  ["phi.phase", "Φ phase (manual)", { unit: "rad", step: 0.01 }],
];

/** @param inputs what GET api/control gives @param ranges what GET api/control/ranges does */
export function makeControls({ inputs, ranges, channels, signal, onError, onDone }) {
  const fields = new Map(); // by name: `0.frequency`, `noise.amount`, …
  const meters = [];
  let waiting = {};
  let isTimed = false;
  let isSending = false;

  const send = async () => {
    isTimed = false;
    if (isSending) return; // then once more, when it is answered
    const change = waiting;
    waiting = {};
    isSending = true;
    try {
      const now = await ask("PUT", "api/control", changeOf(change));
      isSending = false;
      show(now);
      onDone();
    } catch (error) {
      onError(error);
    }
    isSending = false;
    if (Object.keys(waiting).length > 0) void send();
  };
  const change = (name, value) => {
    waiting[name] = value;
    if (isTimed) return;
    isTimed = true;
    setTimeout(send, SEND_MS);
  };

  const build = () => {
    inputs.channels.forEach((_, index) => {
      const card = Object.assign(document.createElement("fieldset"), { className: "channel" });
      const meter = Object.assign(document.createElement("div"), { className: "meter" });
      meter.append(document.createElement("i"), document.createElement("b"));
      meters.push(meter);
      card.append(Object.assign(document.createElement("legend"), { textContent: `Channel ${index}` }), meter);
      for (const [key, label, options] of [
        ["frequency", "Frequency", { unit: "Hz", isPitch: true }],
        ["amplitude", "Amplitude", { step: 0.01 }],
      ]) {
        const field = makeSlider({ id: `channel-${index}-${key}`, label, range: ranges[key], ...options }, (value) =>
          change(`${index}.${key}`, value),
        );
        fields.set(`${index}.${key}`, field);
        card.append(field.element);
      }
      channels.append(card);
    });
    const source = makeSelect("phi-source", "Φ source", ranges.sources, (value) => change("phi.source", value));
    fields.set("phi.source", source);
    signal.append(source.element);
    for (const [name, label, options] of SIGNAL) {
      const id = name.replace(".", "-");
      const field = makeSlider({ id, label, range: ranges[name], ...options }, (value) => change(name, value));
      fields.set(name, field);
      signal.append(field.element);
    }
    const auto = makeSelect("auto-phi", "Φ adapts to criticality", ["off", "on"], (value) =>
      change("auto_phi", value === "on"),
    );
    fields.set("auto_phi", auto);
    signal.append(auto.element);
    signal.addEventListener("submit", (event) => event.preventDefault());
  };

  function show(now) {
    if (isSending || isTimed) return; // it is older than what is on its way
    now.channels.forEach(({ frequency, amplitude }, index) => {
      fields.get(`${index}.frequency`).show(frequency);
      fields.get(`${index}.amplitude`).show(amplitude);
    });
    fields.get("phi.source").show(now.phi.source);
    fields.get("auto_phi").show(now.auto_phi ? "on" : "off");
    for (const [name] of SIGNAL) {
      const [part, key] = name.split(".");
      fields.get(name).show(now[part][key]);
    }
  }

  build();
  show(inputs);
  return {
    show,
    /** @param given `channel_metrics` of a frame */
    meter(given) {
      given.forEach(({ amplitude, phase, active }, index) => {
        const meter = meters[index];
        if (meter === undefined) return;
        meter.dataset.active = String(active);
        meter.style.setProperty("--level", String(Math.min(1, amplitude)));
        meter.style.setProperty("--phase", phase.toFixed(3));
      });
    },
  };
}

/** `{"0.frequency": 440, "noise.amount": 0.2}` as the API takes it. */
function changeOf(waiting) {
  const channels = new Map();
  const change = {};
  for (const [name, value] of Object.entries(waiting)) {
    const [part, key] = name.split(".");
    if (key === undefined) change[part] = value;
    else if (/^\d+$/.test(part)) channels.set(part, { ...channels.get(part), channel: Number(part), [key]: value });
    else change[part] = { ...change[part], [key]: value };
  }
  if (channels.size > 0) change.channels = [...channels.values()];
  return change;
}

function makeSlider({ id, label, range, unit = "", step = 1, isPitch = false }, onChange) {
  const element = Object.assign(document.createElement("div"), { className: "field" });
  const name = Object.assign(document.createElement("label"), { textContent: label, htmlFor: id });
  const output = Object.assign(document.createElement("output"), { htmlFor: id });
  const low = isPitch ? Math.max(FREQUENCY_MIN, range.min) : range.min;
  const input = Object.assign(document.createElement("input"), {
    type: "range",
    id,
    min: isPitch ? 0 : range.min,
    max: isPitch ? FREQUENCY_STEPS : range.max,
    step: isPitch ? 1 : step,
  });
  const readValue = () =>
    isPitch ? Math.round(10 * low * (range.max / low) ** (input.value / FREQUENCY_STEPS)) / 10 : Number(input.value);
  const placeOf = (value) =>
    isPitch ? (FREQUENCY_STEPS * Math.log(Math.max(low, value) / low)) / Math.log(range.max / low) : value;
  const print = (value) => {
    const digits = isPitch ? (value < 100 ? 1 : 0) : 2;
    output.value = `${value.toFixed(digits)}${unit === "" ? "" : ` ${unit}`}`;
    input.setAttribute("aria-valuetext", output.value);
  };
  let isHeld = false;
  input.addEventListener("input", () => {
    isHeld = true;
    print(readValue());
    onChange(Math.min(range.max, Math.max(range.min, readValue())));
  });
  input.addEventListener("change", () => {
    isHeld = false;
  });
  element.append(name, output, input);
  return {
    element,
    show(value) {
      if (isHeld) return;
      input.value = String(placeOf(value));
      print(value);
    },
  };
}

function makeSelect(id, label, values, onChange) {
  const element = Object.assign(document.createElement("div"), { className: "field" });
  const select = Object.assign(document.createElement("select"), { id });
  for (const value of values)
    select.append(Object.assign(document.createElement("option"), { value, textContent: value }));
  select.addEventListener("change", () => onChange(select.value));
  element.append(Object.assign(document.createElement("label"), { textContent: label, htmlFor: id }), select);
  return {
    element,
    show(value) {
      select.value = value;
    },
  };
}

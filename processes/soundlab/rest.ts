/**
 * What is asked of Soundlab by HTTP, beside its streams: how it is, its numbers at this moment, and what can be set.
 *
 * 1. Every answer is JSON, errors too: `{"detail":"…"}`, as the front ends read it.
 * 2. A path that is there answers another method with 405, a stream's path with 426.
 * 3. Who may ask was decided before (settings.ts); here nobody is refused.
 */
import { OptionError } from "jackfield/protocol";
import { BLOCK, INPUT_RANGES, PHI_SOURCES, SAMPLE_RATE } from "./chain/index.ts";
import type { Lab } from "./lab.ts";
import { PRESETS_LISTED } from "./limits.ts";
import { changeIn, PRESETS, shownPreset } from "./presets.ts";

export type Asked = {
  readonly method: string;
  /** Without the process id, without a token's prefix. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Parsed JSON; undefined: it is none. */
  readonly body: unknown;
  readonly now: number; // ms
};

export type Said = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

type Route = (lab: Lab, asked: Asked) => Said | Promise<Said>;
type Routes = Readonly<Record<string, Readonly<Record<string, Route>>>>;

const SERVICE = "soundlab";
export const VERSION = "1.0.0"; // of this API

const ROUTES: Routes = {
  "/healthz": { GET: () => ok({ status: "healthy", service: SERVICE, version: VERSION }) },
  "/readyz": { GET: ready },
  "/version": { GET: () => ok({ version: VERSION, api_version: VERSION, service: SERVICE, features: ["auto-phi"] }) },
  "/metrics": { GET: latest },
  "/api/metrics/latest": { GET: latest },
  "/api/metrics/stats": { GET: (lab) => ok(lab.stats) },
  "/api/status": { GET: (lab, { now }) => ok(status(lab, now)) },
  "/api/dashboard/state": { GET: (lab) => ok(dashboard(lab)) },
  "/api/latency/current": { GET: (lab) => ok(lab.latencyFrame) },
  "/api/latency/metrics": { GET: (lab) => ok(lab.latencyFrame) },
  "/api/latency/calibrate": { POST: calibrate },
  "/api/audio/start": { POST: start },
  "/api/audio/stop": { POST: stop },
  "/api/control": { GET: (lab) => ok(control(lab)), PUT: change },
  "/api/control/ranges": { GET: () => ok({ ...INPUT_RANGES, sources: PHI_SOURCES }) },
  "/api/presets": { GET: presets },
  "/api/presets/ab/status": { GET: () => ok(NO_SLOTS) },
  "/api/preset/apply": { POST: apply },
};

/** Two presets side by side are kept by nobody here. */
const NO_SLOTS = {
  slot_a_occupied: false,
  slot_a_name: null,
  slot_b_occupied: false,
  slot_b_name: null,
  current_slot: null,
};

const STREAMS = ["/ws/metrics", "/ws/latency", "/ws/events"];
const PRESET = "/api/presets/";

/** @returns a promise where it must wait for the chain */
export function answer(lab: Lab, asked: Asked): Said | Promise<Said> {
  const { path } = asked;
  const method = asked.method === "HEAD" ? "GET" : asked.method;
  if (STREAMS.includes(path)) return failed(426, `${path} is a WebSocket: open it with ws:// or wss://`);
  const routes = Object.hasOwn(ROUTES, path) ? ROUTES[path] : presetRoutes(path);
  if (routes === undefined) return failed(404, `nothing is served at ${path.slice(0, 200)}`);
  const route = Object.hasOwn(routes, method) ? routes[method] : undefined;
  if (route !== undefined) return route(lab, asked);
  const allowed = Object.keys(routes).join(", ");
  return { ...failed(405, `${path} takes ${allowed}`), headers: { Allow: allowed } };
}

function presetRoutes(path: string): Readonly<Record<string, Route>> | undefined {
  const preset = PRESETS.find(({ id }) => path === PRESET + id);
  return preset === undefined ? undefined : { GET: () => ok(shownPreset(preset)) };
}

function ready({ frame }: Lab): Said {
  const checks = { chain: frame !== undefined };
  return { status: checks.chain ? 200 : 503, body: { status: checks.chain ? "ready" : "starting", checks } };
}

function latest({ frame }: Lab): Said {
  return frame === undefined ? failed(404, "no frame has been computed yet") : ok(frame);
}

function status(lab: Lab, now: number): unknown {
  const { isRunning, settings, inputs } = lab;
  const { total_frames, fps, clients } = lab.stats;
  return {
    audio_running: isRunning,
    sample_rate: SAMPLE_RATE,
    buffer_size: BLOCK,
    uptime: Math.round(now - lab.startedAt) / 1000,
    total_frames,
    fps,
    clients,
    mode: settings.mode,
    audio: { sample_rate: SAMPLE_RATE, buffer_size: BLOCK, input_device: null, output_device: null },
    features: { auto_phi: inputs.auto_phi, criticality_balancer: false, session_recording: false },
  };
}

function dashboard({ frame: metrics, inputs }: Lab): unknown {
  return {
    metrics: metrics ?? null,
    active_channels: metrics?.active_channels ?? 0,
    auto_phi_enabled: inputs.auto_phi,
    criticality_balancer_enabled: false,
    auto_phi: {
      enabled: inputs.auto_phi,
      phi_depth: metrics?.phi_depth ?? null,
      phi_phase: metrics?.phi_phase ?? null,
    },
    criticality_balancer: { enabled: false },
    session: { recording: false, current_session: null },
    channels: metrics?.channel_metrics ?? [],
  };
}

/** As it may be sent back. */
function control({ inputs }: Lab): unknown {
  return { ...inputs, channels: inputs.channels.map((channel, index) => ({ channel: index, ...channel })) };
}

function change(lab: Lab, { body }: Asked): Said {
  return set(lab, body, `the body must be JSON, such as ${EXAMPLE}`);
}

function apply(lab: Lab, { body }: Asked): Said {
  return set(lab, changeIn(body), `name a preset, {"id":"${PRESETS[0]?.id}"}, or give one: {"control":${EXAMPLE}}`);
}

const EXAMPLE = '{"channels":[{"channel":0,"frequency":220}]}';

/** @param without what to say where there is nothing to change */
function set(lab: Lab, wanted: unknown, without: string): Said {
  if (wanted === undefined) return failed(400, without);
  try {
    lab.change(wanted);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    return failed(400, error.message);
  }
  return ok(control(lab));
}

function presets(_lab: Lab, { query }: Asked): Said {
  const { limit = String(PRESETS_LISTED) } = query;
  const count = Number(limit);
  if (!Number.isSafeInteger(count) || count < 0)
    return failed(400, `limit must be a whole number from 0: got ${limit.slice(0, 50)}`);
  return ok(PRESETS.slice(0, Math.min(count, PRESETS_LISTED)).map(shownPreset));
}

function start(lab: Lab, { query }: Asked): Said {
  const wasRunning = lab.isRunning;
  lab.start();
  if (query.calibrate === "true" || query.calibrate === "1") void lab.calibrate(); // /api/latency/current tells of it
  return ok({ ok: true, message: wasRunning ? "audio was running" : "audio started" });
}

function stop(lab: Lab): Said {
  const wasRunning = lab.isRunning;
  lab.stop();
  return ok({ ok: true, message: wasRunning ? "audio stopped" : "audio was not running" });
}

async function calibrate(lab: Lab): Promise<Said> {
  if (!lab.isRunning) return failed(409, "the audio is stopped: POST /api/audio/start first");
  const state = await lab.calibrate();
  if (typeof state === "string") return failed(500, "the calibration gave no result");
  if ("failed" in state) return failed(500, state.failed);
  return ok({ ok: true, ...state });
}

function ok(body: unknown): Said {
  return { status: 200, body };
}

function failed(status: number, detail: string): Said {
  return { status, body: { detail } };
}

/** What Soundlab answers over HTTP, beside its streams. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { TRANSPORTS } from "../../support/channels.ts";
import { startSoundlab, stopSoundlabs } from "../../support/soundlab.ts";

afterEach(stopSoundlabs);

type Fields = Readonly<Record<string, unknown>>;
const parsed = ({ status, body }: { readonly status: number; readonly body: string }): unknown => [
  status,
  body === "" ? null : (JSON.parse(body) as unknown),
];

describe.each(TRANSPORTS)("%s REST", (transport) => {
  test("says how it is, which it is, and its numbers at this moment", async () => {
    const lab = await startSoundlab({ transport });
    expect(parsed(await lab.ask("GET", "/api/metrics/latest"))).toEqual([
      404,
      { detail: "no frame has been computed yet" },
    ]);
    expect((await lab.ask("GET", "/readyz")).status).toBe(503);
    await lab.frames(40);
    expect(await lab.json("/healthz")).toEqual({ status: "healthy", service: "soundlab", version: "1.0.0" });
    expect(await lab.json("/readyz")).toEqual({ status: "ready", checks: { chain: true } });
    expect(await lab.json("/version")).toMatchObject({ version: "1.0.0", api_version: "1.0.0" });
    const frame = await lab.json("/metrics");
    expect(frame).toMatchObject({ frame: 39, active_channels: 8, ici: expect.any(Number) });
    expect(await lab.json("/api/metrics/latest")).toEqual(frame);
    const latency = await lab.json("/api/latency/current");
    expect(latency).toMatchObject({ buffer_latency_ms: 10.667, calibrated: false });
    expect(await lab.json("/api/latency/metrics")).toEqual(latency);
    for (const path of ["/metrics", "/api/latency/current", "/api/latency/metrics", "/api/status"])
      expect((await lab.ask("GET", path)).headers["content-type"]).toBe("application/json");
    expect(await lab.json("/api/status")).toMatchObject({
      audio_running: true,
      sample_rate: 48_000,
      buffer_size: 512,
      total_frames: 40,
      fps: expect.closeTo(30, 0),
      clients: { metrics: 0, latency: 0, events: 0 },
      mode: "development",
    });
    expect(await lab.json("/api/metrics/stats")).toMatchObject({ total_frames: 40, skipped_frames: 0 });
    expect(await lab.json("/api/dashboard/state")).toMatchObject({
      metrics: frame,
      active_channels: 8,
      auto_phi_enabled: false,
      criticality_balancer_enabled: false,
      channels: frame.channel_metrics,
    });
  });

  test("changes what is asked for and nothing else, and the numbers follow", async () => {
    const lab = await startSoundlab({ transport });
    await lab.frames(30);
    const before = await lab.json("/api/control");
    const { spectral_centroid: centroid } = await lab.json("/metrics");
    const channel = { channel: 3, frequency: 9_000, amplitude: 1 };
    const answer = await lab.ask("PUT", "/api/control", { channels: [channel], noise: { amount: 0 } });
    const channels = (before.channels as readonly Fields[]).map((one, index) =>
      index === 3 ? { ...one, ...channel } : one,
    );
    expect(parsed(answer)).toEqual([200, { ...before, channels, noise: { amount: 0, cutoff: 24_000 } }]);
    await lab.frames(10);
    const after = await lab.json("/metrics");
    expect((after.channel_metrics as readonly Fields[])[3]).toMatchObject({ frequency: 9_000, amplitude: 1 });
    expect(Math.abs(Number(after.spectral_centroid) - Number(centroid))).toBeGreaterThan(1_000);
    expect(parsed(await lab.ask("PUT", "/api/control", before))).toEqual([200, before]); // as it was read
    expect(await lab.json("/api/control/ranges")).toMatchObject({
      frequency: { min: 0, max: 20_000 },
      sources: ["internal", "audio", "manual"],
    });
  });

  test.each([
    ["no JSON", "{", 'the body must be JSON, such as {"channels":[{"channel":0,"frequency":220}]}'],
    ["a list", [], 'Cannot set "inputs" as it must be an object'],
    ["an unknown name", { volume: 1 }, "volume"],
    [
      "a channel that is none",
      { channels: [{ channel: 8 }] },
      'Cannot set "channel" as it must be a number from 0 to 7',
    ],
    ["a frequency above", { channels: [{ channel: 0, frequency: 20_001 }] }, "from 0 to 20000 Hz: got 20001"],
    ["a text for a number", { channels: [{ channel: 0, amplitude: "1" }] }, 'Cannot set "amplitude"'],
    ["half of it wrong", { noise: { amount: 0 }, phi: { source: "moon" } }, 'Cannot set "phi.source"'],
  ])("refuses %s with 400, and has changed nothing", async (_what, body, why) => {
    const lab = await startSoundlab({ transport });
    const before = await lab.json("/api/control");
    const answer = await lab.ask("PUT", "/api/control", body);
    expect(parsed(answer)).toEqual([400, { detail: expect.stringContaining(why) }]);
    expect(await lab.json("/api/control")).toEqual(before);
  });

  test("lists presets, gives one, and applies it", async () => {
    const lab = await startSoundlab({ transport });
    const list = JSON.parse((await lab.ask("GET", "/api/presets?limit=100")).body) as readonly Fields[];
    expect(list.map(({ id }) => id)).toEqual(["partials", "unison", "scatter", "golden"]);
    expect(parsed(await lab.ask("GET", "/api/presets?limit=1"))).toEqual([200, [list[0]]]);
    expect(parsed(await lab.ask("GET", "/api/presets?limit=all"))).toEqual([
      400,
      { detail: "limit must be a whole number from 0: got all" },
    ]);
    expect(parsed(await lab.ask("GET", "/api/presets/unison"))).toEqual([200, list[1]]);
    expect(await lab.json("/api/presets/ab/status")).toMatchObject({ slot_a_occupied: false, slot_b_occupied: false });
    for (const preset of list) expect((await lab.ask("POST", "/api/preset/apply", { id: preset.id })).status).toBe(200);
    expect((await lab.ask("POST", "/api/preset/apply", { id: "unison" })).status).toBe(200);
    await lab.frames(30);
    expect(Number((await lab.json("/metrics")).phase_coherence)).toBeGreaterThan(0.95);
    const own = { name: "mine", engine: { frequencies: [100, 200], amplitudes: [0.5] } };
    expect(parsed(await lab.ask("POST", "/api/preset/apply", own))).toMatchObject([
      200,
      { channels: expect.arrayContaining([{ channel: 0, frequency: 100, amplitude: 0.5, phase: 0 }]) },
    ]);
    expect(parsed(await lab.ask("POST", "/api/preset/apply", { id: "none" }))).toEqual([
      400,
      { detail: expect.stringContaining('name a preset, {"id":"partials"}') },
    ]);
    const many = { engine: { frequencies: Array.from({ length: 9 }, () => 1) } };
    expect((await lab.ask("POST", "/api/preset/apply", many)).status).toBe(400);
  });

  test("stops and starts the audio, and measures the latency of the chain", async () => {
    const lab = await startSoundlab({ transport });
    const calibrating = lab.ask("POST", "/api/latency/calibrate");
    await lab.frames(40);
    expect(parsed(await calibrating)).toEqual([
      200,
      expect.objectContaining({ ok: true, measured_ms: expect.any(Number) }),
    ]);
    expect(await lab.json("/api/latency/current")).toMatchObject({ calibrated: true });
    const say = async (path: string): Promise<unknown> => parsed(await lab.ask("POST", path));
    expect(await say("/api/audio/start?calibrate=true")).toEqual([200, { ok: true, message: "audio was running" }]);
    expect(await say("/api/audio/stop")).toEqual([200, { ok: true, message: "audio stopped" }]);
    expect(await say("/api/audio/stop")).toEqual([200, { ok: true, message: "audio was not running" }]);
    expect(await say("/api/latency/calibrate")).toEqual([
      409,
      { detail: "the audio is stopped: POST /api/audio/start first" },
    ]);
    expect(await say("/api/audio/start?calibrate=false")).toEqual([200, { ok: true, message: "audio started" }]);
  });

  test("answers what is no path with 404, another method with 405, a stream's path with 426: all JSON", async () => {
    const lab = await startSoundlab({ transport });
    expect(parsed(await lab.ask("GET", "/api/nothing"))).toEqual([
      404,
      { detail: "nothing is served at /api/nothing" },
    ]);
    expect(parsed(await lab.ask("GET", "/api/constructor"))).toMatchObject([404, {}]);
    const answer = await lab.ask("DELETE", "/api/control");
    expect(parsed(answer)).toEqual([405, { detail: "/api/control takes GET, PUT" }]);
    expect(answer.headers).toMatchObject({ allow: "GET, PUT", "content-type": "application/json" });
    for (const path of ["/ws/metrics", "/ws/latency", "/ws/events"])
      expect(parsed(await lab.ask("GET", path))).toEqual([
        426,
        { detail: `${path} is a WebSocket: open it with ws:// or wss://` },
      ]);
    expect((await lab.tryOpen("/ws/ui")).status).toBe(404);
  });

  test("lets pages of any origin read in development", async () => {
    const lab = await startSoundlab({ transport });
    const origin = "http://elsewhere.example";
    expect((await lab.ask("GET", "/api/status", undefined, { origin })).headers).toMatchObject({
      "access-control-allow-origin": "*",
    });
    const asked = await lab.ask("OPTIONS", "/api/control", undefined, {
      origin,
      "access-control-request-method": "PUT",
    });
    expect(asked).toMatchObject({ status: 204, headers: { "access-control-allow-methods": "GET, HEAD, POST, PUT" } });
    expect((await lab.tryOpen("/ws/metrics", { headers: { origin } })).status).toBe(101);
  });

  test("serves its page, which names everything relative to itself", async () => {
    const lab = await startSoundlab({ transport });
    const { body } = await lab.ask("GET", "/");
    expect(body).toContain("<title>Soundlab</title>");
    const named = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = ""]) => name);
    for (const name of [...named, "charts.js", "controls.js", "streams.js", "uplot.js"]) {
      expect(name).not.toMatch(/^\/|:/);
      expect([name, (await lab.ask("GET", `/${name}`)).status]).toEqual([name, 200]);
    }
  });
});

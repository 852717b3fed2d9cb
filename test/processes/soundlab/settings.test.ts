/** readSettings(): what may be set of Soundlab, and what each refusal says. */
import { describe, expect, test } from "@jest/globals";
import { readSettings } from "../../../processes/soundlab/settings.ts";

const KEY = "-----BEGIN PUBLIC KEY-----\n…";
const PRODUCTION = { mode: "production", token: { keys: [KEY] } };

describe("readSettings()", () => {
  test("is open in development, but for the number of clients", () => {
    expect(readSettings({})).toEqual({
      mode: "development",
      stream: { origins: "any", channels: 1_000 },
      rest: undefined,
      origins: "any",
      messagesPerSecond: 100,
      spectralAnalysis: false,
    });
  });

  test("has the seed's list of terms in production", () => {
    const token = { keys: [KEY], audience: "soundlab-api", max_seconds: 900, skew_seconds: 60, bind_address: false };
    expect(readSettings(PRODUCTION)).toEqual({
      mode: "production",
      stream: {
        origins: [],
        channels: 1_000,
        channels_per_address: 10,
        handshakes: { max: 10, seconds: 10 },
        token,
      },
      rest: { token },
      origins: [],
      messagesPerSecond: 100,
      spectralAnalysis: false,
    });
  });

  test("takes each value that is said, in either mode", () => {
    const said = {
      clients: 2,
      origins: ["https://lab.example"],
      handshakes: { max: 3, seconds: 4 },
      connectionsPerAddress: 5,
      messagesPerSecond: 6,
      spectralAnalysis: true,
    };
    const { stream, origins, messagesPerSecond, spectralAnalysis } = readSettings(said);
    expect(stream).toEqual({
      origins: ["https://lab.example"],
      channels: 2,
      channels_per_address: 5,
      handshakes: { max: 3, seconds: 4 },
    });
    expect([origins, messagesPerSecond, spectralAnalysis]).toEqual([["https://lab.example"], 6, true]);
    const token = { keys: [KEY], audience: "a", issuer: "i", maxSeconds: 60, skewSeconds: 0, bindAddress: true };
    expect(readSettings({ ...PRODUCTION, token }).rest).toEqual({
      token: { keys: [KEY], audience: "a", issuer: "i", max_seconds: 60, skew_seconds: 0, bind_address: true },
    });
  });

  test.each([
    [
      { colour: "red" },
      'Cannot set "colour" of Soundlab as there is no such setting: known are mode, clients, origins, token, handshakes, connectionsPerAddress, messagesPerSecond, spectralAnalysis',
    ],
    [{ mode: "open" }, 'Cannot set "mode" of Soundlab as it must be "development" or "production": got "open"'],
    [{ mode: "production" }, 'Cannot set "token" of Soundlab as it must be there in production: got nothing'],
    [
      { clients: 0 },
      'Cannot set "clients" of Soundlab as it must be a whole number of sockets from 1 to 100000: got 0',
    ],
    [{ clients: 1.5 }, "got 1.5, leave it out for 1000"],
    [{ origins: ["lab.example"] }, 'or a list of origins such as "https://lab.example": got ["lab.example"]'],
    [{ origins: ["https://lab.example/"] }, 'got ["https://lab.example/"]'],
    [{ handshakes: 10 }, 'Cannot set "handshakes" of Soundlab as it must be an object: got 10'],
    [{ handshakes: { max: -1 } }, 'Cannot set "handshakes.max" of Soundlab as it must be a whole number'],
    [{ handshakes: { minutes: 1 } }, 'Cannot set "handshakes.minutes" of Soundlab as there is no such setting'],
    [{ token: { keys: KEY } }, 'Cannot set "token.keys" of Soundlab as it must be a list of public keys'],
    [{ token: { keys: [] } }, 'Cannot set "token.keys" of Soundlab'],
    [{ token: { keys: [KEY], audience: "" } }, 'Cannot set "token.audience" of Soundlab as it must be a text: got ""'],
    [{ token: { keys: [KEY], issuer: 1 } }, 'Cannot set "token.issuer" of Soundlab'],
    [{ token: { keys: [KEY], bindAddress: 1 } }, 'Cannot set "token.bindAddress" of Soundlab'],
    [{ token: { keys: [KEY], maxSeconds: 0 } }, 'Cannot set "token.maxSeconds" of Soundlab'],
    [{ messagesPerSecond: "many" }, 'Cannot set "messagesPerSecond" of Soundlab'],
    [{ spectralAnalysis: 1 }, 'Cannot set "spectralAnalysis" of Soundlab as it must be true or false: got 1'],
  ])("refuses %j", (settings, why) => {
    expect(() => readSettings(settings)).toThrow(why);
  });
});

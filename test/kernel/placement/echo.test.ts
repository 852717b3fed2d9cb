/** What a process says and hears, wherever it runs. The conformance suite goes through the rest. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { nextLoop } from "../../support/channels.ts";
import { ask, tell } from "../../support/kernel.ts";
import { PLACEMENTS } from "../../support/placed.ts";
import { startPlacedStage, stopPlacedStages } from "../../support/placed-stage.ts";
import { destroyAll, RawSocket } from "../../support/sockets.ts";

const ECHO = "echo:echo:sys";

afterEach(async () => {
  destroyAll();
  await stopPlacedStages();
});

describe.each(PLACEMENTS)("%s", (placement) => {
  test("a request is answered with its body and its blob", async () => {
    const { on, host } = await startPlacedStage(placement);
    await on.addFile(ECHO, "echo.mjs");
    const answer = await ask(
      host,
      ECHO,
      { list: [1, "two", null, { three: 3 }] },
      { blob: "bytes", context: { mine: 1 } },
    );
    expect(answer.body).toEqual({ list: [1, "two", null, { three: 3 }] });
    expect(answer.blob?.text()).toBe("bytes");
    expect(answer.context).toEqual({ mine: 1 });
  });

  test("frames of a channel come back in order", async () => {
    const { on } = await startPlacedStage(placement);
    await on.addFile(ECHO, "echo.mjs");
    const client = await RawSocket.connect(on.port);
    await client.upgrade({});
    client.sendText(JSON.stringify({ target_process: ECHO, auth_token: on.token, encrypted: false }));
    expect(JSON.parse(await client.nextText())).toHaveProperty("channel_id");
    for (let i = 0; i < 300; i++) client.sendText(`frame ${i}`);
    for (let i = 0; i < 300; i++) expect(await client.nextText()).toBe(`frame ${i}`);
  });

  test("an answer after an await goes to who asked, whatever came meanwhile", async () => {
    const { on, host } = await startPlacedStage(placement);
    await on.addFile("naughty:test:sys", "naughty.mjs");
    const wait = ask(host, "naughty:test:sys", { Wait: 50 });
    for (let i = 0; i < 3; i++) {
      tell(host, "naughty:test:sys", "Count"); // wants no answer
      await nextLoop();
    }
    expect((await wait).body).toBe(1);
    expect((await ask(host, "naughty:test:sys", "Count")).body).toBe(5);
  });

  test("a thousand requests are answered in order", async () => {
    const { on, host } = await startPlacedStage(placement);
    await on.addFile(ECHO, "echo.mjs");
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, i) => ask(host, ECHO, i)));
    expect(answers.map(({ body }) => body)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });
});

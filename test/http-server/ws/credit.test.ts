/** Credit: what closes the window, what opens it, and when a ping is due. */
import { describe, expect, test } from "@jest/globals";
import { Credit } from "../../../http-server/credit.ts";
import { HTTP_SERVER_LIMITS } from "../../../http-server/index.ts";

const WINDOW = { frames: 4, bytes: 100, ms: 500 };

function used(frames: number, bytes = 1): Credit {
  const credit = new Credit(WINDOW);
  for (let i = 0; i < frames; i++) credit.use(bytes);
  return credit;
}

describe("Credit", () => {
  test("is out when `frames` are unanswered, not one before", () => {
    expect(used(3).isOut(1, 0)).toBe(false);
    expect(used(4).isOut(1, 0)).toBe(true);
  });

  test("is out when a frame would come to more than `bytes`, but for the first", () => {
    expect(used(1, 60).isOut(40, 0)).toBe(false);
    expect(used(1, 60).isOut(41, 0)).toBe(true);
    expect(used(0).isOut(101, 0)).toBe(false);
  });

  test("is out when the oldest ping has waited for `ms`", () => {
    const credit = used(1);
    const number = credit.ping(1000);
    expect(credit.isOut(1, 1499)).toBe(false);
    expect(credit.isOut(1, 1500)).toBe(true);
    credit.answered(number);
    expect(credit.isOut(1, 1500)).toBe(false);
  });

  test("comes back with the answer to a ping, for those before it too, and once", () => {
    const credit = used(2);
    const first = credit.ping(0);
    credit.use(1);
    const second = credit.ping(0);
    credit.use(1);
    expect(credit.isOut(1, 0)).toBe(true);
    expect(credit.answered(second)).toBe(true);
    expect([credit.answered(first), credit.answered(second)]).toEqual([false, false]);
    for (let i = 0; i < 3; i++) {
      expect(credit.isOut(1, 0)).toBe(false);
      credit.use(1);
    }
    expect(credit.isOut(1, 0)).toBe(true);
  });

  test("wants a ping behind the first frame, and then twice per window", () => {
    const credit = used(1);
    expect(credit.isPingDue(0)).toBe(true);
    credit.ping(0);
    expect(credit.isPingDue(10_000)).toBe(false); // there is nothing to ask about
    credit.use(1);
    expect([credit.isPingDue(249), credit.isPingDue(250)]).toEqual([false, true]);
    credit.use(1);
    expect(credit.isPingDue(0)).toBe(true);
    credit.ping(0);
    credit.use(50);
    expect(credit.isPingDue(0)).toBe(true);
  });

  test("lasts by default for 30 frames a second to a client 150 ms away", () => {
    const { latestFrames, latestMs } = HTTP_SERVER_LIMITS;
    const credit = new Credit({ frames: latestFrames.value, bytes: 1_000_000, ms: latestMs.value });
    const pongs: { readonly number: number; readonly at: number }[] = [];
    for (let frame = 0; frame < 300; frame++) {
      const now = (frame * 1000) / 30;
      while (pongs[0] !== undefined && pongs[0].at <= now) credit.answered(pongs.shift()?.number ?? -1);
      expect(credit.isOut(1000, now)).toBe(false);
      credit.use(1000);
      if (credit.isPingDue(now)) pongs.push({ number: credit.ping(now), at: now + 150 });
    }
  });
});

/**
 * A kernel with state on disk, killed with SIGKILL at random moments: nothing that was acknowledged is lost, and no value
 * is torn. `node test/support/state-kills.mjs 2000` does it more often.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";

const SCRIPT = fileURLToPath(new URL("../support/state-kills.mjs", import.meta.url));
const KILLS = 150; // 10 s of processor time
const LANES = 3;
const TEST_MS = 180_000; // a child starts within a second even where ten others want the machine

test(
  `${KILLS} kills lose no acknowledged write, and tear no value: state of several processes, capabilities issued and revoked`,
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, String(KILLS), String(LANES)], {
      timeout: TEST_MS,
    });
    const report = JSON.parse(stdout);
    expect(report.wrong).toEqual([]);
    expect(report.kills).toBeGreaterThanOrEqual(KILLS);
    // It was no idle run: small and large values, clears, and kills with an operation in hand that was on the disk already.
    for (const count of ["acknowledged", "large", "clears", "inHandLanded", "issued", "revoked"])
      expect([count, report[count] > 10]).toEqual([count, true]);
  },
  TEST_MS,
);

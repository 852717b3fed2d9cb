/** bindChart: two paths that a page can load as they are. */
import { describe, expect, test } from "@jest/globals";
import { startProcess } from "../../lib/process/harness.ts";
import { defineProcess } from "../../lib/process/index.ts";
import { bindChart } from "../../processes/chart-files.ts";

describe("bindChart()", () => {
  test("binds a module whose default export draws charts, and its style sheet", async () => {
    const harness = await startProcess(defineProcess({ init: (ctx) => bindChart(ctx, "/ui") }));
    expect([...harness.files].map(([path, { mime }]) => [path, mime])).toEqual([
      ["/ui/uplot.js", "text/javascript; charset=utf-8"],
      ["/ui/uplot.css", "text/css; charset=utf-8"],
    ]);
    const script = harness.files.get("/ui/uplot.js")?.text() ?? "";
    const chart: unknown = new Function(script.replace(/export default (\w+);\s*$/, "return $1;"))();
    expect(typeof (chart as { paths?: { linear?: unknown } }).paths?.linear).toBe("function");
    expect(harness.files.get("/ui/uplot.css")?.text()).toContain(".uplot");
  });

  test("says so when the http-server has no room for it", async () => {
    const full = { bindStatic: async () => ({ Err: "LimitReached" as const }) };
    await expect(bindChart(full, "/ui")).rejects.toThrow(
      'Cannot serve "/ui/uplot.js" as the http-server refused it: LimitReached; see limits bindingsPerProcess and staticBytes',
    );
  });
});

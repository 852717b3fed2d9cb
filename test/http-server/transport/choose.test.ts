import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { stopAll } from "./harness.ts";

const [MAJOR = ""] = process.versions.node.split(".");
const BINARIES = ["18", "20", "21", "22"]; // Node versions that uws-pack 20.0.8 has binaries for
const HERE = `Node ${MAJOR} (ABI ${process.versions.modules}) on ${process.platform}-${process.arch}`;

type Index = typeof import("../../../http-server/transport/index.ts");

/** index.ts anew, so that it loads what is mocked at the time. */
const load = (): Promise<Index> => import("../../../http-server/transport/index.ts");

describe("chooseTransport()", () => {
  beforeEach(() => {
    jest.resetModules();
  });
  afterEach(stopAll);

  test("takes uWebSockets.js for auto where it has a binary for this Node, else ws", async () => {
    const { chooseTransport } = await load();
    const { name, why } = await chooseTransport("auto");
    const [hasBinary, none] = [
      `uWebSockets.js: its binary for ${HERE} loaded`,
      "ws: uWebSockets.js could not be loaded: ",
    ];
    expect({ name, why }).toEqual(
      BINARIES.includes(MAJOR)
        ? { name: "uws", why: hasBinary }
        : { name: "ws", why: `${none}it has no binary for ${HERE}` },
    );
  });

  test("takes ws when asked by name", async () => {
    const { chooseTransport } = await load();
    expect(await chooseTransport("ws")).toMatchObject({ name: "ws", why: "ws: asked for by name" });
  });

  describe("where no binary loads", () => {
    beforeEach(() => {
      jest.unstable_mockModule("uWebSockets.js", () => {
        throw new Error("This version supports only others.\n\nno such file");
      });
    });

    test("takes ws for auto and says why", async () => {
      const { chooseTransport } = await load();
      const { name, why } = await chooseTransport("auto");
      expect(name).toBe("ws");
      expect(why).toBe("ws: uWebSockets.js could not be loaded: This version supports only others. no such file");
    });

    test("refuses uws when asked by name, and says what else there is", async () => {
      const { chooseTransport } = await load();
      await expect(chooseTransport("uws")).rejects.toMatchObject({
        code: "invalid_option",
        message: `Cannot use transport "uws" as it needs a binary for ${HERE}: This version supports only others. no such file; leave it out for "auto", or choose "ws"`,
      });
    });
  });
});

import { describe, expect, test } from "@jest/globals";
import { SocketCount } from "../../../http-server/sockets.ts";

describe("SocketCount", () => {
  test("counts by address, over upgrades decided before either socket opened, and forgets one that has none", () => {
    const sockets = new SocketCount();
    const [a, b, other] = ["10.0.0.1", "10.0.0.1", "::1"].map((address) => ({ address, sockets: 0 }));
    if (a === undefined || b === undefined || other === undefined) throw new Error("three were made");
    const opened = [a, b, other].map((peer) => sockets.opened(peer));
    expect([sockets.total, sockets.of("10.0.0.1"), sockets.of("::1"), sockets.of("10.0.0.2")]).toEqual([3, 2, 1, 0]);
    expect(opened[0]).toBe(opened[1]);
    for (const peer of opened) sockets.closed(peer);
    expect([sockets.total, sockets.of("10.0.0.1"), sockets.of("::1")]).toEqual([0, 0, 0]);
    sockets.opened({ address: "10.0.0.1", sockets: 0 });
    expect(sockets.of("10.0.0.1")).toBe(1);
  });
});

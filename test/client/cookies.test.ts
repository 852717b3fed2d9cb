/** Which cookie is the token: exactly the node's own. */
import { afterEach, describe, expect, test } from "@jest/globals";
import { readAuthToken, readCookie } from "../../lib/client/cookies.ts";
import { leavePage, setPage } from "./fake-page.ts";
import { start } from "./fake-socket.ts";

afterEach(leavePage);

const SECURE_FIRST = "kinode-auth_alice.os@chess:chess:sys=wrong.a.b; kinode-auth_alice.os=right.a.b";

describe("readCookie()", () => {
  test.each([
    ["a=1; b=2", "b", "2"],
    ["a=1;b=2", "b", "2"],
    ["a=1;  b=2 ", "b", "2"],
    ["b=x=y==", "b", "x=y=="],
    ["b=1; b=2", "b", "1"],
    ["bb=1; xb=2", "b", undefined],
    ["b=", "b", undefined],
    ["b", "b", undefined],
    ["b; a=1", "b", undefined],
    ["", "b", undefined],
    [SECURE_FIRST, "kinode-auth_alice.os", "right.a.b"],
    [SECURE_FIRST.split("; ").reverse().join("; "), "kinode-auth_alice.os", "right.a.b"],
    [SECURE_FIRST, "kinode-auth_alice.os@chess:chess:sys", "wrong.a.b"],
    [SECURE_FIRST, "kinode-auth_alice", undefined],
  ])("in %p gives %p as %p", (cookies, name, value) => {
    expect(readCookie(cookies, name)).toBe(value);
  });
});

describe("readAuthToken()", () => {
  test("takes the node given, else window.our.node", () => {
    setPage({ cookie: "kinode-auth_alice.os=A; kinode-auth_bob.os=B", node: "bob.os" });
    expect([readAuthToken("alice.os"), readAuthToken(), readAuthToken("carol.os")]).toEqual(["A", "B", undefined]);
  });

  test("takes the process's own, which only its secure subdomain has, before the node's", () => {
    setPage({ cookie: `${SECURE_FIRST}; kinode-auth_alice.os@myapp:my-package:a.os=own` });
    expect(readAuthToken("alice.os", "chess:chess:sys")).toBe("wrong.a.b");
    expect(readAuthToken("alice.os", "my_app:my-package:a.os")).toBe("own");
    expect(readAuthToken("alice.os", "go:chess:sys")).toBe("right.a.b");
  });

  test("takes nectar-auth_ when there is no kinode-auth_", () => {
    setPage({ cookie: "nectar-auth_a.os=old; nectar-auth_b.os=old; kinode-auth_b.os=new" });
    expect([readAuthToken("a.os"), readAuthToken("b.os")]).toEqual(["old", "new"]);
  });

  test("is undefined without a page, without a node, and where cookies may not be read", () => {
    expect(readAuthToken("alice.os")).toBeUndefined();
    setPage({ cookie: SECURE_FIRST });
    expect(readAuthToken()).toBeUndefined();
    setPage({ cookie: new Error("SecurityError: the frame is sandboxed") });
    expect(readAuthToken("alice.os")).toBeUndefined();
  });
});

describe("connect()", () => {
  test.each([
    ["the cookie of nodeId", { nodeId: "alice.os" }, "right.a.b"],
    ["the token option before the cookie", { nodeId: "alice.os", token: "given" }, "given"],
    ["no token where the page cannot read one", { nodeId: "bob.os" }, undefined],
  ])("registers with %s", (_what, options, token) => {
    setPage({ cookie: SECURE_FIRST });
    const { sockets } = start(options);
    sockets.last.open();
    expect(JSON.parse(String(sockets.last.sent[0])).auth_token).toBe(token);
  });
});

/** The claims that tests use keep to the same rules as those in JetStream. */
import { claimsSuite } from "../../support/claims-suite.ts";
import { MemoryClaims } from "../../support/memory-claims.ts";

claimsSuite(async () => {
  const shared = new MemoryClaims();
  return [shared.of("alice.os"), shared.of("bob.os")];
});

/** What the administrator of a test's cluster does: the buckets. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { NatsOptions } from "../../kernel/index.ts";
import { assertBucket, CLAIMS_BUCKET, DIRECTORY_BUCKET, KEPT_BUCKET } from "../../kernel/link/nats-buckets.ts";
import { type TestCluster, untilIt } from "./nats-cluster.ts";

export function adminOptions({ folder, urls }: TestCluster): NatsOptions {
  const own = join(folder, "admin");
  const tls = { ca: join(folder, "ca.pem"), cert: join(own, "node.pem"), key: join(own, "node.key") };
  return { node: "admin", servers: urls, seed: readFileSync(join(own, "store.seed"), "utf8").trim(), tls };
}

/** As `jackfield cluster set-up`; again until there is a leader who makes them. */
export async function makeBuckets(manager: JetStreamManager, replicas: number): Promise<void> {
  for (const bucket of [DIRECTORY_BUCKET, CLAIMS_BUCKET, KEPT_BUCKET])
    await untilIt(() =>
      assertBucket(manager, bucket, replicas).then(
        () => true,
        () => false,
      ),
    );
}

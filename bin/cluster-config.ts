/**
 * What NATS servers are told (contracts/cluster.md §5): who may connect, and which subjects each may use.
 *
 * 1. Lists of what is allowed, never `deny`, never `no_auth_user`: both have been bypassed in servers (advisories 2026-16,
 *    2026-17, 2026-18, 2026-24).
 * 2. BUS has no JetStream: its API answers to a reply subject with the server's own rights, so that a node could make it
 *    speak in another's name. JetStream is in STORE, which carries nothing that the kernel acts on by its subject alone.
 * 3. A node publishes under its own name only (`n.<to>.<itself>.…`), and listens to what is sent to it.
 */

/** The public halves of a node's two nkeys. */
export type NodeUsers = { readonly bus: string; readonly store: string };

export type ServerPlace = {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly clusterPort: number;
};

export type ClusterFacts = {
  readonly version: 1;
  readonly servers: readonly ServerPlace[];
  readonly nodes: Readonly<Record<string, NodeUsers>>;
  /** Makes streams and buckets; no node has its seed. */
  readonly admin: string;
  readonly sys: string;
};

type Allowed = { readonly publish: readonly string[]; readonly subscribe: readonly string[] };

/** Of a node's token on BUS: all that kernels tell each other. */
export function busAllowed(token: string): Allowed {
  return { publish: [`n.*.${token}.>`], subscribe: [`n.${token}.>`] };
}

/**
 * Of a node's token in STORE: durable messages to others, its own inbox stream, its entry of the directory, and claims with
 * what their processes keep, which whoever may come to hold a name must be able to write (docs/adr/0037). `MSG.GET` reads
 * what a stream's leader has, `DIRECT.GET` what any copy has.
 */
export function storeAllowed(token: string): Allowed {
  return {
    publish: [
      `d.*.${token}`,
      `$KV.dir.${token}`,
      `$JS.API.CONSUMER.INFO.IN_${token}.k`,
      `$JS.API.CONSUMER.MSG.NEXT.IN_${token}.k`,
      `$JS.ACK.IN_${token}.k.>`,
      "$JS.API.STREAM.INFO.KV_dir",
      "$JS.API.STREAM.MSG.GET.KV_dir",
      "$JS.API.DIRECT.GET.KV_dir.$KV.dir.*",
      "$KV.claims.*",
      "$JS.API.STREAM.INFO.KV_claims",
      "$JS.API.STREAM.MSG.GET.KV_claims",
      "$JS.API.STREAM.MSG.DELETE.KV_claims",
      "$KV.kept.*",
      "$JS.API.STREAM.INFO.KV_kept",
      "$JS.API.STREAM.MSG.GET.KV_kept",
      "$JS.API.STREAM.MSG.DELETE.KV_kept",
    ],
    subscribe: [`_INBOX_${token}.>`],
  };
}

/** `users.conf`, the same beside each server: it changes with the nodes, and SIGHUP has a server read it again. */
export function usersConfig({ nodes, admin, sys }: ClusterFacts): string {
  const all = Object.entries(nodes).map(([node, users]) => ({ token: node.replaceAll(".", "_"), ...users }));
  const bus = all.map(({ token, bus: user }) => userLine(user, busAllowed(token)));
  const store = all.map(({ token, store: user }) => userLine(user, storeAllowed(token)));
  return `# Written by jackfield cluster: add-node and remove-node write it anew.
accounts {
  BUS {
    users: [
${bus.join("\n")}
    ]
  }
  STORE {
    jetstream: enabled
    users: [
      { nkey: ${admin} }
${store.join("\n")}
    ]
  }
  SYS { users: [ { nkey: ${sys} } ] }
}
system_account: SYS
`;
}

/** `nats.conf` of one server. It is run in its own folder: the paths are relative. @param secret among the servers */
export function serverConfig(place: ServerPlace, all: readonly ServerPlace[], secret: string): string {
  const { name, host, port, clusterPort } = place;
  const tls = '{ cert_file: "server.pem", key_file: "server.key", ca_file: "ca.pem", verify: true, timeout: 3 }';
  const routes = all
    .filter((other) => other !== place)
    .map((other) => `    "nats://route:${secret}@${inUrl(other.host)}:${other.clusterPort}"`);
  const cluster = `cluster {
  name: jackfield
  host: "${host}"
  port: ${clusterPort}
  no_advertise: true
  authorization { user: route, password: "${secret}", timeout: 3 }
  tls ${tls}
  routes: [
${routes.join("\n")}
  ]
}
`;
  return `# Written by jackfield cluster init; yours to change. Run in this folder: nats-server -c nats.conf
server_name: ${name}
host: "${host}"
port: ${port}
max_payload: 1MB
max_pending: 64MB
write_deadline: "5s"
ping_interval: "10s"
ping_max: 2
max_connections: 1000
lame_duck_duration: "30s"
lame_duck_grace_period: "5s"
tls ${tls}
jetstream { store_dir: "js", max_mem: 64MB, max_file: 8GB }
include ./users.conf
${all.length > 1 ? cluster : ""}`;
}

export function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** One line each: a comma and a line's end together are an error to the server (contracts/cluster.md §5). */
function userLine(user: string, { publish, subscribe }: Allowed): string {
  const list = (subjects: readonly string[]): string => subjects.map((subject) => `"${subject}"`).join(", ");
  return `      { nkey: ${user}, permissions: { publish: { allow: [${list(publish)}] }, subscribe: { allow: [${list(subscribe)}] } } }`;
}

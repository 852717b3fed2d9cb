/** Every limit of Hanami: default, unit, bounds and reason. Set them with `"limits":{"name":value}` in its settings. */
import { type Limit, type LimitValues, limit, resolveLimits } from "jackfield/protocol";
import { CLUSTER_LIMITS } from "./clusters/limits.ts";
import { UPLOAD_LIMITS } from "./uploads/limits.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

const TABLE = {
  // REST
  requests: limit(1_000, "requests", 1, 65_536, "under way at once; one more gets a 500 at once instead of a late one"),
  bodyBytes: limit(2 * MIB, "bytes", KIB, 10 * MIB, "of a request's JSON: a template of a cluster is the largest"),
  answerSeconds: limit(10, "s", 1, 14, "then an answer begins, and its result follows: the http-server waits 15 s"),
  // users and their tokens
  users: limit(1_000, "users", 1, 100_000, "all are held in memory, about 0.5 kB each"),
  projects: limit(1_000, "projects", 1, 100_000, "likewise"),
  projectsPerUser: limit(100, "projects", 1, 1_000, "one user is in: they are kept with the user, as one value"),
  tokenSeconds: limit(3_600, "s", 1, 30 * 86_400, "life of a token: upstream's default"),
  logins: limit(2, "logins", 1, 16, "checked at once: each takes 32 MiB and a thread of four that files need too"),
  loginQueue: limit(32, "logins", 0, 1_000, "that wait for their check; one more is refused"),
  loginFailures: limit(10, "tries", 1, 1_000_000, "from one address in loginWindow; then each answer is late"),
  loginWindow: limit(60_000, "ms", 1, 86_400_000, "see loginFailures"),
  loginDelay: limit(2_000, "ms", 0, 10_000, "by which an address that failed too often waits: 0.5 guesses a second"),
  loginDelayed: limit(20, "logins", 1, 1_000, "that wait so at once; one more is refused without being looked at"),
  loginAddresses: limit(10_000, "addresses", 1, 1_000_000, "whose failures are counted; the oldest is forgotten"),
  // data sets
  dataSets: limit(1_000, "data sets", 1, 100_000, "of one user, unfinished ones too"),
  dataSetsTotal: limit(20_000, "data sets", 1, 1_000_000, "of the node: all are held in memory, about 0.5 kB each"),
  userBytes: limit(512 * MIB, "bytes", 1, 64 * GIB, "announced or stored by one user; a drive of the node has 1 GiB"),
  rowBytes: limit(4 * MIB, "bytes", 1, 64 * MIB, "of one row of a data set: some are held at a time"),
  csvColumns: limit(10_000, "columns", 1, 100_000, "of a CSV file: their names stand in the file's head"),
  csvLineBytes: limit(MIB, "bytes", KIB, 64 * MIB, "of one line of a CSV file: it is held whole"),
  importsAtOnce: limit(2, "imports", 1, 16, "each is a thread of 15 MB that has a core while it runs"),
  importsWaiting: limit(64, "imports", 0, 1_000, "one more is refused, and may be asked for again"),
  importSeconds: limit(1_800, "s", 1, 86_400, "an import may take: 64 GiB at 40 MiB a second"),
  checkRows: limit(1_000_000, "rows", 1, 100_000_000, "that a check compares: it reads both data sets"),
  ...UPLOAD_LIMITS,
  ...CLUSTER_LIMITS,
} as const satisfies Readonly<Record<string, Limit>>;

export type HanamiLimitName = keyof typeof TABLE;
export type HanamiLimits = LimitValues<typeof TABLE>;
export const HANAMI_LIMITS: Readonly<Record<HanamiLimitName, Limit>> = TABLE;

/** @throws {OptionError} */
export function hanamiLimits(overrides: Readonly<Record<string, number | undefined>> = {}): HanamiLimits {
  return resolveLimits(TABLE, overrides);
}

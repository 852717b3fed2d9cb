/** What sqlite:distro:sys keeps within, so that no package can fill it, or keep it busy, for the others. */
export type SqliteLimits = {
  readonly statementBytes: number;
  readonly parameterBytes: number;
  readonly rows: number;
  readonly rowBytes: number;
  readonly statementMs: number;
  readonly nameLength: number;
  readonly databases: number;
  readonly openDatabases: number;
  readonly databaseBytes: number;
  readonly memoryDatabaseBytes: number;
  readonly transactionMs: number;
  readonly transactionMaxMs: number;
  readonly waiting: number;
  readonly waitMs: number;
};

export const SQLITE_LIMITS: SqliteLimits = {
  statementBytes: 256 * 1024, // bytes of SQL: what is longer is data, and belongs into parameters
  parameterBytes: 16 * 1024 * 1024, // bytes of a statement's parameters, as JSON
  rows: 10_000, // of one answer
  rowBytes: 8 * 1024 * 1024, // characters of one answer's rows, as JSON: they are in memory whole, twice
  statementMs: 2000, // looked at between two rows: nobody else is served meanwhile
  nameLength: 64, // characters of a database's name; as a file's name it may be three times as long
  databases: 100, // of one package
  openDatabases: 64, // at a time: each takes up to 2 MB of memory; the one that was used longest ago is closed
  databaseBytes: 4 * 1024 * 1024 * 1024, // of one database on disk
  memoryDatabaseBytes: 32 * 1024 * 1024, // of one that is kept in memory: SQLite has 2 GB for all
  transactionMs: 5000, // since the last that was done in it: others wait for its end
  transactionMaxMs: 60_000, // since it began
  waiting: 1000, // requests that wait for one database's transaction to end
  waitMs: 4000, // that one of them waits: less than the 5 s that a caller does, so that it hears why
};

/** What kv:distro:sys keeps within, so that no package can fill it for the others. */
export type KvLimits = {
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly nameLength: number;
  readonly databases: number;
  readonly memoryBytes: number;
  readonly pageBytes: number;
  readonly pageEntries: number;
  readonly batchOperations: number;
  readonly batchBytes: number;
  readonly transactions: number;
  readonly transactionsTotal: number;
  readonly transactionBytes: number;
  readonly transactionMs: number;
  readonly waiting: number;
  readonly waitingBytes: number;
};

export const KV_LIMITS: KvLimits = {
  keyBytes: 1974, // lmdb takes 1,978; four of them say which database
  valueBytes: 16 * 1024 * 1024, // bytes: it is in memory whole, twice; what is larger wants a file
  nameLength: 128, // characters of a database's name
  databases: 1000, // of one package: each costs its name in memory for as long as the node runs
  memoryBytes: 256 * 1024 * 1024, // of all databases together, where nothing is kept on disk
  pageBytes: 1024 * 1024, // of one answer to Iterate; an entry larger than that comes alone
  pageEntries: 10_000, // of one answer to Iterate, whatever `limit` says: about 10 ms of reading
  batchOperations: 10_000, // of one batch or transaction: the store does nothing else meanwhile
  batchBytes: 32 * 1024 * 1024, // of one batch or transaction: held in memory until it is committed
  transactions: 100, // open ones of one process
  transactionsTotal: 5000, // open ones of all processes: each has a timer, of which one process has 10,000
  transactionBytes: 256 * 1024 * 1024, // of all open ones together: held in memory until they are committed
  transactionMs: 30_000, // since the last that was done in it: then it is as if it had never begun
  waiting: 10_000, // requests that one database has in hand or in line
  waitingBytes: 256 * 1024 * 1024, // bytes of blobs in all of these: whoever asks need not wait for an answer
};

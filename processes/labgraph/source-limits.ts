/** What labgraph's sources keep within. */
export type SourceLimits = {
  readonly tickMs: number;
  readonly backlogSeconds: number;
  readonly monitorMs: number;
  readonly nodes: number;
  readonly edges: number;
  readonly rates: number;
};

export const SOURCE_LIMITS: SourceLimits = {
  tickMs: 50, // ms between two times that the signals are computed: a sample is so late at most
  backlogSeconds: 1, // of samples that one tick makes up for; what is older, after a stalled node, is left out
  monitorMs: 200, // ms between two pictures of the node: 5 Hz, as LabGraph's own
  nodes: 100, // processes in one picture: the front end lays all of them out anew for each
  edges: 400, // who messages whom, in one picture: each is some 500 bytes, and a message of LabGraph has 1 MiB at most
  rates: 10, // last rates of a process that a picture has: two seconds
};

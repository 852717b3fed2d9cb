/** What streams:distro:sys keeps within, so that no process can fill it for the others. */
export type StreamLimits = {
  readonly names: number;
  readonly namesOfProcess: number;
  readonly listenersOfName: number;
  readonly namesHeard: number;
  readonly inputsOpen: number;
  readonly processes: number;
  readonly nameLength: number;
  readonly idLength: number;
};

export const STREAM_LIMITS: StreamLimits = {
  names: 10_000, // of all: an answer to "Names" is then some 2 MB. Above it, names of processes that are gone go first
  namesOfProcess: 1000, // declared by one process: a tenth of what there are for all
  listenersOfName: 1000, // processes: one sample is so many messages. A process with many clients listens once
  namesHeard: 1000, // that one process listens to
  inputsOpen: 1000, // that one process has open for its sessions, each of another name
  processes: 5000, // that declare, listen or have an input open: half of what one process may monitor
  nameLength: 256, // characters of a name: it is in each sample
  idLength: 256, // characters of a session, stream_id or app_id: they are in each message to an input
};

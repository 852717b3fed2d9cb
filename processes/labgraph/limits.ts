/** What the LabGraph process keeps within: each with its unit and its reason. */
export type LabgraphLimits = {
  readonly messageBytes: number;
  readonly nesting: number;
  readonly idChars: number;
  readonly inputIdChars: number;
  readonly streams: number;
  readonly waitingMessages: number;
  readonly waitingChars: number;
  readonly queueItems: number;
  readonly queueBytes: number;
  readonly stalledMs: number;
  readonly pingMs: number;
  readonly silentMs: number;
  readonly sweepMs: number;
  readonly quietMs: number;
  readonly quotedChars: number;
};

export const LABGRAPH_LIMITS: LabgraphLimits = {
  messageBytes: 1_048_576, // bytes, each way: what LabGraph's own clients and server take; one more closes with 1009
  nesting: 64, // arrays and objects within one another in a batch of a client: what passes it on goes as deep as it does
  idChars: 4096, // characters of a request id or a stream id: LabGraph's own have 50; they are echoed and kept
  inputIdChars: 256, // characters of a stream id of an input, and of an app id: streams:distro:sys takes as many
  streams: 1000, // open in one session: each costs its ids and a place in the fan-out
  waitingMessages: 10_000, // of one session, behind a start that the registry has not answered: all that may come in a second
  waitingChars: 4 * 1024 * 1024, // characters of these: some messages of the largest size
  queueItems: 256, // messages that wait for one slow client; about a second of a fast stream
  queueBytes: 1024 * 1024, // bytes that wait for one slow client, unless the setting `queueBytes` says otherwise
  stalledMs: 60_000, // a client that has taken nothing for so long while something waited is closed with 1013
  pingMs: 20_000, // between two pings: LabGraph's own schedule
  silentMs: 20_000, // without a byte after a ping: the peer is gone. LabGraph's own schedule
  sweepMs: 1000, // how often sessions are looked at: of the 20 s above, a small part
  quietMs: 10_000, // between two lines of the log on one stream's samples: a stream may have thousands a second
  quotedChars: 200, // of a client's own words in `desc`: so that no error is larger than what it is about
};

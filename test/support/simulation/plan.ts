/** What a simulation plays: processes, what each message makes its receiver do, and what happens from outside. */
import fc from "fast-check";

/** Somebody to send to; `child`: whom the sender spawned last; `nobody` and `far` lead nowhere. */
export type Whom = 0 | 1 | 2 | 3 | "driver" | "child" | "leaf" | "nobody" | "far";

/** What a process does with a message; `acts` travel in the body and are what its receiver does. */
export type Act =
  /** Answers what it is handling. */
  | { readonly do: "reply"; readonly blob: "none" | "own" | "inherit" }
  /** Keeps the message; `reply-kept` answers the oldest one kept, whenever that is. */
  | { readonly do: "keep" | "reply-kept" }
  | {
      readonly do: "send";
      readonly to: Whom;
      /** Seconds; null: fire and forget. */
      readonly expects: number | null;
      readonly inherit: boolean;
      readonly blob: boolean;
      readonly acts: readonly Act[];
      /** What the sender does with the outcome. */
      readonly next: readonly Act[];
    }
  | { readonly do: "tell"; readonly to: Whom; readonly acts: readonly Act[] }
  /** Sends and awaits. */
  | { readonly do: "call"; readonly to: Whom; readonly expects: number; readonly acts: readonly Act[] }
  /** Several at once: what fills a mailbox. */
  | { readonly do: "burst"; readonly to: Whom; readonly count: number; readonly expects: number | null }
  | { readonly do: "timer"; readonly ms: number; readonly acts: readonly Act[] }
  | { readonly do: "cancel" | "pause" | "throw" | "exit" | "hang" }
  | { readonly do: "spawn"; readonly restarts: boolean; readonly acts: readonly Act[] }
  | { readonly do: "kill"; readonly whom: Whom };

/** What an incarnation's init does. */
export type Init = "none" | "plain" | "slow" | "throw" | "throw later" | "send";

export type ActorPlan = {
  readonly onExit: "None" | "Restart" | "Requests";
  readonly public: boolean;
  /** Envelopes. */
  readonly mailbox: number;
  /** Of the first incarnation, the second, …; after that, none. */
  readonly inits: readonly Init[];
  readonly farewell: "none" | "slow" | "throw" | "send";
};

export type Step =
  | { readonly step: "send"; readonly act: Act }
  /** As a transport delivers it: bytes on loan, handled at once where nothing is before it. */
  | { readonly step: "frame"; readonly to: 0 | 1 | 2 | 3; readonly acts: readonly Act[] }
  | { readonly step: "kill"; readonly whom: 0 | 1 | 2 | 3 }
  /** The messaging capability for one is given to another, or taken away. */
  | { readonly step: "grant" | "drop"; readonly to: 0 | 1 | 2 | 3 | "driver"; readonly whom: 0 | 1 | 2 | 3 }
  /** Another process of that name, where there is none. */
  | { readonly step: "again"; readonly whom: 0 | 1 | 2 | 3 }
  /** Nothing from outside until all is quiet but time. */
  | { readonly step: "quiet" }
  | { readonly step: "stop" };

export type Plan = {
  /** Messages per turn of the run queue. */
  readonly turnSteps: number;
  readonly actors: readonly ActorPlan[];
  readonly steps: readonly Step[];
};

export const ACTORS = 4;
/** Public in one plan of three only: sent to more often, so that who may send to it and when is tried too. */
const SECRETIVE = 3;

const SECONDS = [0.05, 0.5, 2] as const;

const whom: fc.Arbitrary<Whom> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom<Whom>(0, 1, 2, SECRETIVE, SECRETIVE) },
  { weight: 2, arbitrary: fc.constantFrom<Whom>("child", "driver") },
  { weight: 1, arbitrary: fc.constantFrom<Whom>("leaf", "nobody", "far") },
);

const { act } = fc.letrec<{ act: Act; acts: Act[] }>((tie) => ({
  acts: fc.array(tie("act") as fc.Arbitrary<Act>, { maxLength: 3, depthIdentifier: "acts" }),
  act: fc.oneof(
    { depthIdentifier: "acts", depthSize: "medium", maxDepth: 4 },
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant("reply" as const), blob: fc.constantFrom("none", "own", "inherit") }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constantFrom(
          "keep",
          "reply-kept",
          "cancel",
          "cancel",
          "pause",
          "pause",
          "throw",
          "throw",
          "exit",
          "hang",
        ),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("kill" as const), whom }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("burst" as const),
        to: whom,
        count: fc.integer({ min: 2, max: 6 }),
        expects: fc.constantFrom(null, ...SECONDS),
      }),
    },
    {
      weight: 9,
      arbitrary: fc.record({
        do: fc.constant("send" as const),
        to: whom,
        expects: fc.constantFrom(null, null, ...SECONDS),
        inherit: fc.boolean(),
        blob: fc.boolean(),
        acts: tie("acts"),
        next: tie("acts"),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("tell" as const), to: whom, acts: tie("acts") }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("call" as const),
        to: whom,
        expects: fc.constantFrom(...SECONDS),
        acts: tie("acts"),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("timer" as const),
        ms: fc.constantFrom(0, 5, 5, 30, 700),
        acts: tie("acts"),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("spawn" as const), restarts: fc.boolean(), acts: tie("acts") }),
    },
  ) as fc.Arbitrary<Act>,
}));

const acts = fc.array(act, { maxLength: 4 });
const actor = fc.constantFrom<0 | 1 | 2 | 3>(0, 1, 2, SECRETIVE, SECRETIVE);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      step: fc.constant("send" as const),
      act: act.filter((each) => ["send", "call", "burst", "tell"].includes(each.do)),
    }),
  },
  { weight: 4, arbitrary: fc.record({ step: fc.constant("frame" as const), to: actor, acts }) },
  { weight: 3, arbitrary: fc.record({ step: fc.constant("kill" as const), whom: actor }) },
  { weight: 4, arbitrary: fc.record({ step: fc.constant("again" as const), whom: actor }) },
  {
    weight: 6,
    arbitrary: fc.record({
      step: fc.constantFrom("grant", "grant", "drop"),
      to: fc.constantFrom<2 | "driver">(2, "driver", "driver"),
      whom: fc.constant(SECRETIVE),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ step: "quiet" as const }) },
  { weight: 1, arbitrary: fc.constant({ step: "stop" as const }) },
);

const actorPlan = fc.record({
  onExit: fc.constantFrom("None" as const, "Restart" as const, "Restart" as const, "Requests" as const),
  public: fc.constantFrom(true, true, true, false),
  mailbox: fc.constantFrom(1, 2, 4, 50),
  inits: fc.array(fc.constantFrom<Init>("none", "plain", "slow", "throw", "throw later", "send"), { maxLength: 3 }),
  farewell: fc.constantFrom("none" as const, "none" as const, "slow" as const, "throw" as const, "send" as const),
});

export const plan: fc.Arbitrary<Plan> = fc.record({
  turnSteps: fc.constantFrom(1, 1, 2, 1024),
  actors: fc
    .tuple(fc.array(actorPlan, { minLength: ACTORS, maxLength: ACTORS }), fc.constantFrom(true, false, false))
    .map(([actors, isPublic]) => actors.map((each, n) => (n === SECRETIVE ? { ...each, public: isPublic } : each))),
  steps: fc.array(step, { maxLength: 20, size: "max" }),
});

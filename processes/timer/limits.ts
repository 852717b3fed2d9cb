/** What timer:distro:sys keeps within. All its timers together are as many as any process may have: `limits.timers`. */
export type TimerLimits = { readonly timers: number; readonly idLength: number; readonly shortest: number };

export const TIMER_LIMITS: TimerLimits = {
  timers: 1000, // of one process: a tenth of what there are for all, which is `limits.timers` of the kernel
  idLength: 64, // characters
  shortest: 10, // ms between two ticks of one that repeats: the kernel's clock has no smaller step
};

export const DELAY_MAX: number = 2 ** 40; // ms, 34 years: what the kernel takes

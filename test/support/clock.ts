/** The machine's clock, with leaps: what takes minutes in life is skipped, never slept through. */
export interface TestClock {
  readonly now: () => Date;
  advance(ms: number): void;
}

/** Not a standing one: the job queue and the database keep time of their own beside it. */
export function testClock(): TestClock {
  let ahead = 0;
  return {
    now: () => new Date(Date.now() + ahead),
    advance(ms) {
      ahead += ms;
    },
  };
}

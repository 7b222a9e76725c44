import { isFinal, type Run, type RunRequest, type Runs } from "../../src/workflow/run.ts";

/** Runs in memory, oldest first, that nobody works on; cancelling one ends it at once. */
export function fakeRuns() {
  const all: Run[] = [];
  const keys = new Map<string, string>();
  const replace = (id: string, change: Partial<Run>): boolean => {
    const place = all.findIndex((one) => one.id === id && !isFinal(one.status));
    const run = all[place];
    if (run !== undefined) all[place] = { ...run, ...change };
    return run !== undefined;
  };
  const runs = {
    async start({ flow, subject, intent, key, whenBusy }: RunRequest) {
      const known = keys.get(key);
      if (known !== undefined) return known;
      const id = `run-${all.length + 1}`;
      if (whenBusy !== "queue") {
        const reason = `superseded by ${id}`;
        const begun = whenBusy === "supersede";
        for (const one of all.filter((other) => other.subject === subject && (begun || other.startedAt === undefined))) {
          replace(one.id, { status: "superseded", ending: { status: "superseded", reason } });
        }
      }
      keys.set(key, id);
      // As the database gives it back.
      const kept = JSON.parse(JSON.stringify(intent));
      all.push({ id, flow, subject, intent: kept, status: "queued", attempt: 0, createdAt: "2026-11-23T21:00:00Z" });
      return id;
    },
    list: async ({ flow, subject, status, limit }: Parameters<Runs["list"]>[0]) =>
      all
        .toReversed()
        .filter((one) => (flow ?? one.flow) === one.flow && (subject ?? one.subject) === one.subject)
        .filter((one) => status === undefined || status.includes(one.status))
        .slice(0, limit),
    find: async (id: string) => all.find((one) => one.id === id),
    cancel: async (id: string, reason: string) => replace(id, { status: "cancelled", ending: { status: "cancelled", reason } }),
  };
  return { all, runs, end: (id: string, change: Partial<Run>) => replace(id, change) };
}

import { z } from "zod";
import { isAppError } from "../domain/errors.ts";
import type { Flow } from "../workflow/run.ts";
import { Suspended } from "../workflow/step.ts";
import type { ResultsReader } from "./results-reader.ts";
import { postedResult, type ResultsDb, resultKey } from "./resultsdb.ts";

/** One result, by its id. */
export const PostIntent = z.object({ result: z.int() });
export type PostIntent = z.infer<typeof PostIntent>;

export interface PostPorts {
  readonly results: Pick<ResultsReader, "find">;
  /** Undefined when the settings name none any more: what was to be told is then dropped. */
  readonly resultsdb: ResultsDb | undefined;
  /** Without a slash at the end. */
  readonly publicUrl: string;
  readonly now: () => Date;
}

export const postFlowName = "resultsdb";
const leastPauseMs = 30_000;
const mostPauseMs = 30 * 60_000;

/** How a result is told. It is started in the transaction that saves the result, so none is lost; one run for each, so none holds up another. */
export function requestPost(result: number) {
  const name = `${postFlowName} ${result}`;
  return { flow: postFlowName, subject: name, intent: { result } satisfies PostIntent, key: name, whenBusy: "queue" as const };
}

/**
 * Tells a ResultsDB of one result, in a run of its own: builds never wait for it. While ResultsDB is away the run waits, however long that is; what it
 * refuses is told once, as the end of the run, and given up. It is asked before each posting whether it has the result, so that a crash after the
 * posting leads to no second one.
 */
export function postResultFlow({ results, resultsdb, publicUrl, now }: PostPorts): Flow<PostIntent> {
  return {
    name: postFlowName,
    intent: PostIntent,
    run: async (step, { result }) => {
      await step("post", z.object({ id: z.int() }).nullable(), async (_, signal) => {
        const known = await results.find(result);
        if (known === undefined || resultsdb === undefined) return null;
        const posted = postedResult(known, publicUrl);
        try {
          const there = await resultsdb.find(posted.testcase.name, posted.data[resultKey]?.[0] ?? "", signal);
          return { id: there ?? (await resultsdb.post(posted, signal)) };
        } catch (error) {
          if (!isAppError(error) || error.kind !== "transient") throw error;
          throw new Suspended(`ResultsDB: ${error.message}`, pauseFor(known.submittedAt, now()));
        }
      });
    },
    finish: async () => {},
  };
}

/** The longer the result waits already, the longer until the next try. Pure. */
export function pauseFor(submittedAt: string, now: Date): number {
  return Math.min(mostPauseMs, Math.max(leastPauseMs, (now.getTime() - Date.parse(submittedAt)) / 4));
}

import { z } from "zod";
import type { Run, RunRequest } from "../workflow/run.ts";
import { requestTests } from "./requests.ts";

/** What is known when a check is to be run again. */
export interface AgainFacts {
  /** Name of the check, as `flibs / test: smoke`. */
  readonly name: string;
  readonly actor: string;
  /** The forge's id of the wish. */
  readonly request: string;
  /** Everything of the run is meant, not only what the check tells of. */
  readonly whole: boolean;
  /** Head of the branch that the run's intent names, when it names one. */
  readonly head: string | undefined;
}

const Built = z.object({
  repository: z.string(),
  branch: z.string(),
  commit: z.string(),
  scratch: z.boolean(),
  isolated: z.boolean().optional(),
  pull: z.number().optional(),
});

/**
 * The part that a check tells of as a run of its own, or why it is not done again. Pure. A build of a branch that has moved on is refused: its
 * floating tags would go back to an older commit. Scratch and isolated builds move none.
 */
export function planAgain(run: Run, facts: AgainFacts): RunRequest | { readonly refusal: string } {
  const { name, actor, request } = facts;
  const again = (changes: object = {}): RunRequest => ({
    flow: run.flow,
    subject: run.subject,
    intent: { ...(run.intent as object), ...changes },
    key: `again ${request} ${run.id} ${name}`,
    // A release is never cut off in the middle.
    whenBusy: run.flow.startsWith("release") ? "queue" : "supersede",
  });
  const tested = /^flibs \/ test: (.+)$/s.exec(name)?.[1];
  switch (run.flow) {
    case "build": {
      const built = Built.parse(run.intent);
      if (tested !== undefined && !facts.whole) return testAgain(run.id, [tested], facts);
      if (name === "flibs / promotion" && !facts.whole) return promoteAgain(run.id, facts);
      if (!built.scratch && built.isolated !== true && facts.head !== built.commit) {
        return { refusal: `${built.branch} has moved to ${facts.head?.slice(0, 12) ?? "nowhere"}; only its head is built` };
      }
      const platform = /^flibs \/ build \((.+)\)$/s.exec(name)?.[1];
      const one = platform !== undefined && built.scratch && !facts.whole ? { architectures: [platform] } : {};
      return again({ requestedBy: actor, ...one });
    }
    case "test": {
      const { build } = z.object({ build: z.string() }).parse(run.intent);
      return testAgain(build, tested === undefined ? undefined : [tested], facts);
    }
    default:
      // Looks at a pull request, checks of promotions, releases: the same look again, at what stands there now.
      return again();
  }
}

function testAgain(build: string, suites: readonly string[] | undefined, { actor, request }: AgainFacts): RunRequest {
  return requestTests(
    { build, ...(suites === undefined ? {} : { suites }), requestedBy: actor },
    `again ${request} test ${build} ${suites?.join(" ") ?? ""}`,
  );
}

function promoteAgain(build: string, { actor, request }: AgainFacts): RunRequest {
  return {
    flow: "promote",
    subject: `promote ${build}`,
    intent: { build, requestedBy: actor },
    key: `again ${request} promote ${build}`,
    whenBusy: "queue",
  };
}

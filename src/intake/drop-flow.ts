import { z } from "zod";
import type { Flow, Runs } from "../workflow/run.ts";

const Drop = z.strictObject({ repository: z.string(), commit: z.string() });
type Drop = z.infer<typeof Drop>;

/** What builds and checks of a commit have in their intents. */
const About = z.object({
  repository: z.string(),
  commit: z.string().optional(),
  head: z.string().optional(),
  scratch: z.boolean().optional(),
});

/** A merge queue has let a commit go: what is still built or checked for it is cancelled. */
export function dropFlow(ports: { readonly runs: Pick<Runs, "list" | "cancel"> }): Flow<Drop> {
  return {
    name: "drop",
    intent: Drop,
    async run(step, { repository, commit }) {
      const runs = await step("which", z.array(z.string()), async () => {
        const open = await ports.runs.list({ status: ["queued", "running", "waiting"], limit: 1000 });
        return open.flatMap((run) => {
          const about = About.safeParse(run.intent).data;
          const isIts = about?.repository === repository && (about.commit === commit ? about.scratch === true : about.head === commit);
          return isIts ? [run.id] : [];
        });
      });
      for (const run of runs) await step(`cancel ${run}`, z.boolean(), () => ports.runs.cancel(run, "the merge queue let the commit go"));
    },
    async finish() {},
  };
}

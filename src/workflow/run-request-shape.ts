import { z } from "zod";
import type { RunRequest } from "./run.ts";

/** A {@link RunRequest} that one step plans and a later one starts. Apart from it, since commands that only want to know when a run is over load no zod. */
export const RunRequestShape: z.ZodType<RunRequest> = z.object({
  flow: z.string(),
  subject: z.string(),
  intent: z.unknown(),
  key: z.string(),
  whenBusy: z.enum(["supersede", "supersede-waiting", "queue"]),
});

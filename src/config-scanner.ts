import { z } from "zod";
import { duration } from "./config-durations.ts";

/** Setting `scanner`: the site's program that looks for vulnerabilities; its findings stand in promotions, and keep nothing back. */
export const scannerSetting = z
  .strictObject({
    command: z
      .array(z.string().min(1))
      .min(1)
      .describe(
        "Program and arguments; registry/repository@digest is added as the last one. It prints JSON, docs/registry-manifest.md tells which",
      ),
    time: duration("5m", "Longest scan"),
    threshold: z
      .number()
      .int()
      .min(0)
      .max(5)
      .default(4)
      .describe("Least severity that a promotion lists: 0 unspecified, 1 minimal, 2 low, 3 medium, 4 high, 5 critical"),
    fixableOnly: z.boolean().default(false).describe("List only what is fixed in some version"),
  })
  .optional()
  .describe("Scanner for vulnerabilities; promotions say that they are not scanned when left out");

import { z } from "zod";

/** Setting `gating.tmt`: plans of tmt are suites where it is given. */
export const tmtSetting = z
  .strictObject({
    directories: z
      .record(
        z.string().regex(/^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9]+)?$/, "write the platform as in linux/arm64"),
        z.string().regex(/^\//, "write an absolute path"),
      )
      .refine((directories) => Object.keys(directories).length > 0, "name a directory for at least one platform")
      .describe(
        "By platform, a directory with bin/tmt and all that it needs but a C library: it is copied into the container of each plan, as /flibs-tmt",
      ),
  })
  .optional()
  .describe("Run the plans of tmt in plans/*.fmf inside a container of the image (docs/tmt.md); they are no suites when left out");

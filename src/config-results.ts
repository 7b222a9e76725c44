import { z } from "zod";
import { duration } from "./config-durations.ts";
import { Secret } from "./config-secret.ts";

const size = z.string().regex(/^\d+(KiB|MiB|GiB)$/, "write a number and KiB, MiB or GiB, as in 512MiB");

/** Settings of results, below `gating`. */
export const resultsSettings = {
  retries: z
    .number()
    .int()
    .min(0)
    .max(10)
    .default(1)
    .describe("How often a suite is tried again that could not be carried out; one that fails is not"),
  retryPause: duration("10s", "How long flibs waits before it tries such a suite again"),
  artifacts: z
    .strictObject({
      most: z.number().int().min(0).max(1000).default(100).describe("Files of one suite on one platform that are kept"),
      each: size.default("5MiB").describe("Largest file; of a longer text its beginning and its end are kept, other files are not"),
      total: size.default("50MiB").describe("All of them together"),
      build: size.default("200MiB").describe("Those of all suites of a build, on all platforms and in all tries"),
    })
    .prefault({})
    .describe("Files that tests leave; kept as long as logs (limits.logRetention)"),
  resultsdb: z
    .strictObject({
      url: z
        .url({ protocol: /^https?$/ })
        .describe("Where its API is, without /api/v2.0: https://resultsdb.example.com; flibs posts to <url>/api/v2.0/results"),
      token: Secret.optional().describe("Sent as a bearer token; nothing is sent when left out"),
    })
    .optional()
    .describe("A ResultsDB that is told of each result; none when left out. Results of strangers' pull requests are not sent"),
};

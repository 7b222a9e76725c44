import { setTimeout as delay } from "node:timers/promises";
import type { BuildPorts, BuildSettings } from "./builds/build-ports.ts";
import { removeTree } from "./builds/workspace/remove-tree.ts";
import { type Settings, sizeBytes } from "./config.ts";
import { durationMs } from "./config-durations.ts";
import { readSecret } from "./config-load.ts";
import { optional } from "./config-values.ts";
import type { Engines } from "./engines/engine-pool.ts";
import { readArtifacts } from "./gating/artifacts/artifact-directory.ts";
import { commandRunner } from "./gating/command/command-runner.ts";
import { requestPost } from "./gating/post-result-flow.ts";
import { resultsDbClient } from "./gating/resultsdb/resultsdb-client.ts";
import type { ResultsDb } from "./gating/resultsdb.ts";
import { stiRunner } from "./gating/sti/sti-runner.ts";
import { structureRunner } from "./gating/structure/structure-runner.ts";
import { tmtRunner } from "./gating/tmt/tmt-runner.ts";
import type { Runs } from "./workflow/run.ts";

/** What tests are carried out by, and where what comes of them goes. */
export function testPorts(
  { gating }: Settings,
  engine: Engines,
  runs: Pick<Runs, "start">,
): Pick<BuildPorts, "runners" | "readArtifacts" | "pause" | "tellResult"> {
  const { tmt, resultsdb } = gating;
  return {
    runners: [
      commandRunner({ engine }),
      structureRunner({ engine }),
      stiRunner({ engine, removeTree }),
      ...(tmt === undefined ? [] : [tmtRunner({ engine, directories: tmt.directories })]),
    ],
    readArtifacts,
    pause: async (ms, signal) => void (await delay(ms, undefined, { signal })),
    ...(resultsdb === undefined
      ? {}
      : { tellResult: async (result, transaction) => void (await runs.start(requestPost(result), transaction)) }),
  };
}

export function testSettings({
  gating,
  limits,
}: Settings): Pick<BuildSettings, "testMs" | "testTries" | "artifacts" | "tmt" | "gatingContext"> {
  const { most, each, total, build } = gating.artifacts;
  return {
    testMs: durationMs(limits.testTime),
    testTries: { more: gating.retries, pauseMs: durationMs(gating.retryPause) },
    artifacts: { most, eachBytes: sizeBytes(each), totalBytes: sizeBytes(total), buildBytes: sizeBytes(build) },
    tmt: gating.tmt !== undefined,
    gatingContext: gating.context,
  };
}

/** Undefined when the settings name none. Throws as `readSecret`. */
export function openResultsDb(
  { gating }: Settings,
  environment: Readonly<Record<string, string | undefined>>,
  userAgent: string,
): ResultsDb | undefined {
  if (gating.resultsdb === undefined) return undefined;
  const { url, token } = gating.resultsdb;
  return resultsDbClient({ url, userAgent, ...optional("token", token && readSecret(token, environment)) });
}

import { createHash } from "node:crypto";
import { z } from "zod";
import { testCommandsFile } from "../distgit/test-commands.ts";
import { type AppError, appError } from "../domain/errors.ts";
import type { Platform } from "../domain/platform.ts";
import type { TestResult, TestSuite } from "../gating/test-runner.ts";
import type { ManifestDescriptor } from "../registry/registry.ts";
import type { Step } from "../workflow/step.ts";
import { limitsOf } from "./build-platform.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildPlan, BuildRequested, SuiteResult } from "./build-record.ts";
import { Result } from "./build-schemas.ts";
import { openLog } from "./log-writer.ts";
import { maskSecrets } from "./mask-secrets.ts";
import { ensureTrees, type Origin } from "./source.ts";
import { resultName, type Verdict } from "./verdict.ts";

/** What is tested: a build's plan and images, which may have been made by an earlier run. */
export interface Tested {
  readonly build: string;
  readonly origin: Origin & Pick<BuildRequested, "branch">;
  readonly plan: BuildPlan;
  readonly images: readonly { readonly platform: Platform; readonly pushed: Pick<ManifestDescriptor, "digest"> }[];
}

/** One after the other: tests of one build must not slow each other down until they time out. Each result is saved with the build. */
export async function runSuites(
  ports: BuildPorts,
  step: Step,
  tested: Tested,
  suites: readonly TestSuite[],
): Promise<readonly TestResult[]> {
  const results: TestResult[] = [];
  for (const suite of suites) {
    for (const image of tested.images) results.push(await runSuite(ports, step, tested, suite, image));
  }
  return results;
}

async function runSuite(
  ports: BuildPorts,
  step: Step,
  { build, origin, plan }: Tested,
  suite: TestSuite,
  { platform, pushed }: Tested["images"][number],
): Promise<TestResult> {
  const name = `test ${suite.name} ${platform}`;
  const result = await step(name, Result, async (key, signal) => {
    const runner = ports.runners.find((one) => one.kind === suite.kind);
    if (runner === undefined)
      throw appError("builds.runner-unknown", `suite ${suite.name} is of kind "${suite.kind}", which nobody runs here`);
    const { reading } = await ensureTrees(ports, step.run, origin);
    const { settings, candidate } = ports;
    const log = await openLog(ports.logs, step.run, name, settings.logBytes, maskSecrets(ports.secrets));
    try {
      const outcome = await runner.run(
        key,
        {
          suite,
          image: `${candidate.endpoint}/${plan.imageRepository}@${pushed.digest}`,
          ...(candidate.credential === undefined ? {} : { credential: candidate.credential }),
          platform,
          tree: reading,
          artifacts: await ports.workspaces.emptyDirectory(step.run, directoryName(name)),
          limits: limitsOf(settings, settings.testMs),
          branch: origin.branch,
        },
        log.sink,
        signal,
      );
      signal.throwIfAborted();
      return { ...outcome, suite: resultName(plan, suite.name, platform), cases: outcome.cases.map((one) => ({ ...one })) };
    } finally {
      await log.close();
    }
  });
  const saved: SuiteResult = step.run === build ? result : { ...result, run: step.run };
  await step.write(`save ${name}`, z.null(), (transaction) => ports.builds.saveTest(build, saved, transaction).then(() => null));
  return result;
}

/** Any text as a name of letters, digits and dashes, two texts never the same one. */
function directoryName(text: string): string {
  return `artifacts-${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
}

export function testsFailed({ suites }: Pick<BuildPlan, "suites">, blocking: Verdict["blocking"]): AppError {
  const words = blocking.map(
    ({ suite, outcome, message }) => `${suite} ${outcome === "fail" ? "failed" : "could not be carried out"}: ${message}`,
  );
  return appError("builds.tests-failed", words.join("; ").slice(0, 1000), {
    file: suites.find(({ name }) => name === blocking[0]?.suite)?.file ?? testCommandsFile,
    hint: "Mend the image or the test; a test that may fail is marked required: false, a playbook by its variable flibs_required: false",
  });
}

import { z } from "zod";
import { testCommandsFile } from "../distgit/test-commands.ts";
import { type AppError, appError } from "../domain/errors.ts";
import { resultData } from "../gating/resultsdb-data.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import type { Step } from "../workflow/step.ts";
import type { BuildPorts } from "./build-ports.ts";
import type { BuildPlan, SuiteResult } from "./build-record.ts";
import { Result } from "./build-schemas.ts";
import { runTest, type Tested, type TestedPlatform } from "./run-test.ts";
import { testStepName } from "./test-names.ts";
import type { Verdict } from "./verdict.ts";

/** One after the other: tests of one build must not slow each other down until they time out. Each result is saved with the build. */
export async function runSuites(
  ports: BuildPorts,
  step: Step,
  tested: Tested,
  suites: readonly TestSuite[],
): Promise<readonly SuiteResult[]> {
  const results: SuiteResult[] = [];
  for (const suite of suites) {
    for (const image of tested.images) results.push(await runSuite(ports, step, tested, suite, image));
  }
  return results;
}

/** An error is tried again as often as the settings allow; each try is saved, and the last one counts. */
async function runSuite(ports: BuildPorts, step: Step, tested: Tested, suite: TestSuite, image: TestedPlatform): Promise<SuiteResult> {
  const { platform, pushed } = image;
  let before: SuiteResult | undefined;
  for (let attempt = 1; ; attempt++) {
    const name = testStepName(suite.name, platform, attempt);
    const one = { run: step.run, tested, suite, image, attempt };
    const { again, ...told } = await step(name, Result, (key, signal) => runTest(ports, one, key, signal));
    const facts = { suite: suite.name, platform, digest: pushed.digest, kind: suite.kind, attempt };
    const result: SuiteResult = { ...told, ...facts, ...(step.run === tested.build ? {} : { run: step.run }) };
    const previous = before;
    await step.write(`save ${name}`, z.null(), async (transaction) => {
      const data = tested.origin.stranger === undefined ? dataOf(ports, tested, image) : {};
      const id = await ports.builds.saveTest(tested.build, result, transaction, data);
      if (isTold(tested, previous, result)) await ports.tellResult?.(id, transaction);
      return null;
    });
    if (again !== true) return result;
    before = result;
  }
}

/**
 * Others are told of a result unless it is the same as that of the try before it in this run; what a person asks for again is told each time. Never
 * of a stranger's pull request: who reads results trusts whoever is named as their source. Pure.
 */
export function isTold({ origin }: Pick<Tested, "origin">, before: SuiteResult | undefined, result: SuiteResult): boolean {
  return origin.stranger === undefined && before?.outcome !== result.outcome;
}

function dataOf({ candidate }: BuildPorts, { plan, digest, origin }: Tested, { platform, pushed }: TestedPlatform) {
  const name = `${candidate.publicName}/${plan.imageRepository}`;
  return resultData({
    ...(plan.nvr === undefined ? {} : { nvr: plan.nvr }),
    ...(digest === undefined ? {} : { digest }),
    scratch: plan.nvr === undefined,
    repository: origin.repository,
    commit: origin.commit,
    platform,
    imageDigest: pushed.digest,
    fullNames: [`${name}:${plan.primaryTag ?? plan.uniqueTag}`, ...(digest === undefined ? [] : [`${name}@${digest}`])],
  });
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

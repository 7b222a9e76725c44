import { appError } from "../domain/errors.ts";
import { nearest } from "../domain/nearest.ts";
import type { TestSuite } from "../gating/test-runner.ts";
import type { BuildRecord } from "./build-record.ts";

/**
 * The suites of a build that are meant, in the build's order; all when none is named. Pure, so a command can ask before anything is started.
 * Throws `builds.not-tested` and `builds.suite-unknown`.
 */
export function chooseSuites(build: BuildRecord, names: readonly string[] = []): readonly TestSuite[] {
  if (build.state !== "complete" || build.plan === undefined) {
    const why = build.state === "building" ? "is still being built; its tests run by themselves at its end" : `is ${build.state}`;
    throw appError("builds.not-tested", `build ${build.id} ${why}`, { hint: "Only the image of a complete build can be tested again" });
  }
  const { suites } = build.plan;
  if (suites.length === 0) {
    throw appError("builds.not-tested", `build ${build.id} has no tests`, { hint: "Declare some in tests/commands.yaml and build again" });
  }
  const unknown = names.find((name) => !suites.some((suite) => suite.name === name));
  if (unknown !== undefined) {
    const known = suites.map((suite) => suite.name);
    const near = nearest(unknown, known);
    throw appError("builds.suite-unknown", `there is no suite "${unknown.slice(0, 100)}"; there is ${known.join(", ")}`, {
      hint: near === undefined ? "Name one or more of these, or none for all of them" : `Did you mean ${near}?`,
    });
  }
  return names.length === 0 ? suites : suites.filter((suite) => names.includes(suite.name));
}

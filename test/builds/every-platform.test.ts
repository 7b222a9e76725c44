import { expect, test } from "@jest/globals";
import { everyPlatform } from "../../src/builds/every-platform.ts";
import { appError } from "../../src/domain/errors.ts";
import type { Platform } from "../../src/domain/platform.ts";
import { Suspended } from "../../src/workflow/step.ts";

const platforms: readonly Platform[] = ["linux/amd64", "linux/arm64", "linux/s390x"];
const told = (words: readonly string[]) => words.toSorted().join(", ");

/** The first platform ends with `error`; the others when they are cancelled, or else after it. */
async function fail(error: unknown) {
  const words: string[] = [];
  const failed = Promise.withResolvers<void>();
  const thrown = await everyPlatform(platforms, async (platform, cancelled) => {
    if (platform === "linux/amd64") {
      setImmediate(failed.resolve);
      throw error;
    }
    await failed.promise;
    words.push(cancelled.aborted ? `${platform}: ${(cancelled.reason as Error).message}` : `${platform}: to its end`);
    cancelled.throwIfAborted();
  }).catch((reason: unknown) => reason);
  return { thrown, words: told(words) };
}

test("one that fails for good cancels the others, and is what is told", async () => {
  const error = appError("builds.build-failed", "RUN make returned 2");
  expect(await fail(error)).toEqual({
    thrown: error,
    words: "linux/arm64: cancelled, since linux/amd64 failed, linux/s390x: cancelled, since linux/amd64 failed",
  });
});

test.each([
  ["is tried again", appError("registry.unreachable", "no answer")],
  ["waits for its engine", new Suspended("the engine", 1)],
  ["was cancelled itself", appError("workflow.cancelled", "cancelled by alice")],
  ["has lost its worker", new DOMException("aborted", "AbortError")],
])("one that %s lets the others come to their end", async (_, error) => {
  expect(await fail(error)).toEqual({ thrown: error, words: "linux/arm64: to its end, linux/s390x: to its end" });
});

test("a later failure for good is told rather than an earlier one that passes by itself", async () => {
  const lasting = appError("builds.build-failed", "RUN make returned 2");
  const thrown = await everyPlatform(platforms, async (platform) => {
    if (platform === "linux/amd64") throw appError("registry.unreachable", "no answer");
    await new Promise((resolve) => setImmediate(resolve));
    throw lasting;
  }).catch((reason: unknown) => reason);
  expect(thrown).toBe(lasting);
});

test("all that go well give their results in the order of the platforms", async () => {
  expect(await everyPlatform(platforms, async (platform) => platform)).toEqual(platforms);
});

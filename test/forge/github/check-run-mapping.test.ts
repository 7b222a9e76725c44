import { describe, expect, test } from "@jest/globals";
import type { CommitStatus, StatusState } from "../../../src/forge/forge.ts";
import { commitStatusOf, type ReadRun, runContentOf, shows } from "../../../src/forge/github/check-run-mapping.ts";

const status = (state: StatusState, more: Partial<CommitStatus> = {}): CommitStatus => ({
  ...{ name: "flibs / build", state, title: "a title", summary: "a summary", ...more },
});

/** The run as GitHub shows it after it was written so. */
function run(from: CommitStatus, more: Partial<ReadRun> = {}): ReadRun {
  const { status: runStatus, conclusion, externalId, detailsUrl, title, summary } = runContentOf(from);
  const app = { id: 1, external_url: "https://flibs.example.test" };
  return {
    ...{ id: 1, name: from.name, status: runStatus, conclusion: conclusion ?? null, external_id: externalId, app },
    ...{ details_url: detailsUrl ?? app.external_url, output: { title, summary, annotations_count: 0 }, ...more },
  };
}

describe("a status as a check run", () => {
  test.each<[StatusState, string, string | undefined, string]>([
    ["pending", "queued", undefined, "a title"],
    ["running", "in_progress", undefined, "a title"],
    ["waiting-approval", "completed", "action_required", "a title"],
    ["success", "completed", "success", "a title"],
    ["failure", "completed", "failure", "a title"],
    ["error", "completed", "failure", "Infrastructure error: a title"],
    ["timed-out", "completed", "timed_out", "a title"],
    ["cancelled", "completed", "cancelled", "a title"],
    ["skipped", "completed", "skipped", "a title"],
    ["neutral", "completed", "neutral", "a title"],
  ])("%s is %s, %s, and comes back as it was", (state, runStatus, conclusion, title) => {
    expect(runContentOf(status(state))).toMatchObject({ status: runStatus, conclusion, title });
    expect(commitStatusOf(run(status(state)))).toEqual(status(state));
  });

  test.each([
    ["https://flibs.example.test/builds/1", "https://flibs.example.test/builds/1"],
    ["http://127.0.0.1:8080/builds/1", "http://127.0.0.1:8080/builds/1"],
    ["", undefined],
    ["/builds/1", undefined],
    ["javascript:alert(1)", undefined],
    [undefined, undefined],
  ])("has the page %p as %p", (url, wanted) => {
    expect(runContentOf(status("success", url === undefined ? {} : { url })).detailsUrl).toBe(wanted);
  });

  test("without a summary has its title for one, since GitHub demands one", () => {
    expect(runContentOf(status("success", { summary: "" })).summary).toBe("a title");
    expect(commitStatusOf(run(status("success", { summary: "" })))).toEqual(status("success", { summary: "" }));
    expect(runContentOf(status("pending", { title: "" })).title).toBe("pending");
  });

  test("that is too long ends with a link to the rest, within the bytes that GitHub takes", () => {
    const url = "https://flibs.example.test/builds/1";
    const { summary } = runContentOf(status("failure", { summary: "🐟".repeat(20_000), url }));
    expect(Buffer.byteLength(summary)).toBeLessThanOrEqual(65_535);
    expect(Buffer.byteLength(summary)).toBeGreaterThan(65_400);
    expect(summary).toMatch(/^(🐟)+\n\n… cut here: \[the page has all of it\]\(https:\/\/flibs\.example\.test\/builds\/1\)$/u);
  });

  test("is there already when GitHub shows the same", () => {
    const wanted = status("success", { key: "1", url: "https://flibs.example.test/builds/1" });
    expect(shows(run(wanted), runContentOf(wanted))).toBe(true);
    expect(shows(run(wanted), runContentOf({ ...wanted, title: "other" }))).toBe(false);
    expect(shows(run(wanted), runContentOf({ ...wanted, key: "2" }))).toBe(false);
    expect(shows(run(wanted), runContentOf({ ...wanted, state: "neutral" }))).toBe(false);
    expect(shows(run(wanted), runContentOf(status("success")))).toBe(true);
  });

  test("that GitHub ended by itself after a fortnight has timed out, and one that waits is pending", () => {
    expect(commitStatusOf(run(status("running"), { status: "completed", conclusion: "stale" })).state).toBe("timed-out");
    expect(commitStatusOf(run(status("running"), { status: "waiting" })).state).toBe("pending");
  });
});

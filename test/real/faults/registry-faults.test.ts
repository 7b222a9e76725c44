import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { Fault, FaultRule } from "../../support/fault-proxy.ts";
import { type FaultWorld, faultWorld } from "./fault-world.ts";

// Each point of a release, each fault: whatever happens, the next tries end in order, and no tag was ever to be seen unsigned.
let at: FaultWorld;

// skopeo, gpg and git are processes; a loaded machine takes its time.
jest.setTimeout(240_000);
beforeAll(async () => {
  at = await faultWorld();
}, 120_000);
afterAll(() => at.stop());

const path = (rest: string) => new RegExp(`^/v2/f40/image-\\d+/${rest}`);
const points: readonly (Pick<FaultRule, "method" | "path" | "skip"> & { readonly point: string })[] = [
  { point: "looking for a layer", method: "HEAD", path: path("blobs/sha256:") },
  { point: "beginning an upload", method: "POST", path: path("blobs/uploads/") },
  { point: "uploading a layer", method: "PUT", path: path("blobs/uploads/") },
  { point: "putting a platform", method: "PUT", path: path("manifests/sha256:") },
  { point: "putting the index", method: "PUT", path: path("manifests/sha256:"), skip: 2 },
  { point: "reading what is to be signed", method: "GET", path: path("manifests/sha256:"), skip: 3 },
  { point: "writing the first tag", method: "PUT", path: path("manifests/323-") },
  { point: "writing latest", method: "PUT", path: path("manifests/latest$") },
  { point: "reading latest back", method: "GET", path: path("manifests/latest$") },
];
const busy: Fault = { kind: "answer", status: 429, headers: { "retry-after": "1" } };
/** One after the other at the same point. */
const faults: readonly { readonly fault: Fault; readonly times: number; readonly methods: RegExp }[] = [
  { fault: busy, times: 2, methods: /./ },
  // A connection that is cut in the middle of a body, and an answer that is lost although the registry did what was asked.
  { fault: { kind: "cut", afterBytes: 100 }, times: 1, methods: /PUT/ },
  { fault: { kind: "lose answer" }, times: 1, methods: /POST|PUT/ },
  // More often than the client tries by itself: the run has to be taken up again.
  { fault: { kind: "answer", status: 500 }, times: 7, methods: /./ },
];

describe("a registry that answers 429 and 500, cuts bodies off and loses answers", () => {
  test.each(points)("while $point", async ({ method, path: where, skip = 0 }) => {
    const merged = await at.merge();
    const hits = faults
      .filter(({ methods }) => methods.test(method))
      .map(({ fault, times }) => at.proxy.add({ method, path: where, fault, times, skip }));
    const { endings, violations, looks, tagsWritten } = await at.release(merged);
    at.proxy.heal();
    for (const count of hits) expect(count()).toBeGreaterThan(0);
    expect(endings).toEqual(["done"]);
    expect(violations).toEqual([]);
    expect(looks).toBeGreaterThan(1);
    // The release, two platforms, 323 and latest.
    expect(tagsWritten).toBeGreaterThanOrEqual(5);
    expect(await at.audit(merged.image)).toEqual([]);
    for (const [name, digest] of merged.wanted) expect(await at.at.tag(merged.image, name)).toBe(digest);
  });

  test("a registry that is gone for a while, again and again, in the middle of everything", async () => {
    const merged = await at.merge();
    // Each more often than the client tries by itself.
    const hits = [
      at.proxy.add({ method: "PUT", path: path("manifests/sha256:"), times: 6, fault: { kind: "answer", status: 503 } }),
      at.proxy.add({ method: "PUT", path: path("manifests/323-"), times: 6, fault: { kind: "answer", status: 503 } }),
      at.proxy.add({ method: "PUT", path: path("manifests/latest"), times: 6, fault: busy }),
    ];
    const { tries, endings, violations } = await at.release(merged);
    at.proxy.heal();
    expect(hits.map((count) => count())).toEqual([6, 6, 6]);
    expect(tries).toBeGreaterThan(3);
    expect({ endings, violations }).toEqual({ endings: ["done"], violations: [] });
    expect(await at.audit(merged.image)).toEqual([]);
    expect(await at.at.pull(merged.image, "latest", ["--all"])).toMatchObject({ exitCode: 0 });
  });
});

test("the watch itself sees a tag that nobody signed, at its writing and afterwards", async () => {
  const merged = await at.merge();
  await at.release(merged);
  const { image } = merged;
  const manifest = await at.at.clients.production.readManifest(image, "latest");
  const looking = at.release(merged);
  await at.at.clients.production.putManifest(image, "stranger", manifest);
  const { violations } = await looking;
  expect(violations.join("\n")).toContain("written: stranger, which nobody wants");
  expect(violations.join("\n")).toMatch(/visible: stranger \(index\): none of \d+ signatures/);
});

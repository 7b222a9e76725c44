import { describe, expect, test } from "@jest/globals";
import type { BuildRecord } from "../../src/builds/build-record.ts";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { manifests, run, world } from "./world.ts";

/** What a reviewer finds in a promotion beside what merging does. */

type World = ReturnType<typeof world>;

async function second(at: World, change: (record: BuildRecord) => BuildRecord, first: (record: BuildRecord) => BuildRecord = (one) => one) {
  at.builds.set("b1", first(await at.build({ id: "b1", release: "1.fc40" })));
  const one = await proposePromotion(at.ports, "b1");
  at.git.merge("number" in one ? one.number : 0);
  at.builds.set("b2", change(await at.build({ id: "b2", release: "2.fc40" })));
  await proposePromotion(at.ports, "b2");
  return at.git.pulls.at(-1)?.body ?? "";
}

test("the headline says in one line what changes, and what must not be missed stands above it", async () => {
  const body = await second(world(), (record) => {
    const [image] = record.images;
    if (!image) throw new Error("no image");
    const [rpm] = image.rpms;
    if (!rpm) throw new Error("no package");
    const config = { ...image.config, user: "", exposedPorts: ["8080/tcp"] };
    return {
      ...record,
      images: [
        {
          ...image,
          config,
          rpms: [
            { ...rpm, release: "0.fc40" },
            { ...rpm, name: "zlib" },
          ],
        },
      ],
    };
  });
  const head = body.slice(0, body.indexOf("### Gates"));
  expect(head).toMatch(/^## `323-1.fc40` \(`cockpit-323-1.fc40`\) → `323-2.fc40`/);
  expect(head).toContain("**Attention: the image now runs as root.**");
  expect(head).toContain("**Attention: a new port: `8080/tcp`.**");
  expect(head).toContain("**Attention: packages are older than in the current release: `bash.x86_64`.**");
  expect(head).toContain("- changes: packages 1 downgraded, 1 added; 3 fields of the configuration");
  expect(head.indexOf("Attention")).toBeLessThan(head.indexOf("- image:"));
});

test("each gate links to where it can be read: its own run's log, or the build's; what failed comes first", async () => {
  const body = await second(world(), (record) => ({
    ...record,
    tests: [
      { suite: "extra", outcome: "pass", cases: [], message: "fine", durationMs: 1, run: "r7" },
      { suite: "smoke", outcome: "fail", cases: [], message: "1 failed", durationMs: 1 },
    ],
  }));
  const rows = body
    .slice(body.indexOf("### Gates"), body.indexOf("### Platforms"))
    .split("\n")
    .slice(6)
    .filter((row) => row.startsWith("|"));
  expect(rows).toEqual([
    "| test `smoke` | **fail** | 1 failed | [log](http://flibs.example.test/b2) |",
    "| candidate signature | valid | | |",
    expect.stringMatching(
      /^\| build `b2` \| complete \| commit `[0-9a-f]{12}` of `containers\/cockpit` \| \[page\]\(http:\/\/flibs.example.test\/b2\) \|$/,
    ),
    "| test `extra` | pass | optional; fine | [log](http://flibs.example.test/r7) |",
  ]);
});

test("the base image is told with its age when the image was built, and layers shared with it", async () => {
  const at = world();
  const base = await at.candidate.push("base", "b", ["linux/amd64"]);
  const pinned = `candidate:5000/base@${base.digest}`;
  const parents = [{ written: "registry.example.test/base:40", pinned, digest: base.digest }];
  for (const [key, bytes] of at.candidate.blobs) {
    const text = new TextDecoder().decode(bytes);
    if (!key.startsWith("base@") || !text.includes('"architecture"')) continue;
    const config = { ...JSON.parse(text), created: "2026-10-20T00:00:00Z", rootfs: { diff_ids: [] } };
    at.candidate.blobs.set(key, new TextEncoder().encode(JSON.stringify(config)));
  }
  const body = await second(at, (record) => ({ ...record, ...(record.plan ? { plan: { ...record.plan, parents } } : {}) }));
  expect(body).toContain(
    `- base image \`registry.example.test/base:40\` at \`${base.digest}\`, built 2026-10-20, 13 days before this image`,
  );
  expect(body).toContain("| 1 | - | 0 |");
});

describe("what has no room in the body", () => {
  const many = (record: BuildRecord): BuildRecord => {
    const [image] = record.images;
    const [rpm] = image?.rpms ?? [];
    if (!image || !rpm) throw new Error("no package");
    const rpms = Array.from({ length: 3000 }, (_, n) => ({ ...rpm, name: `package-${n}` }));
    return { ...record, images: [{ ...image, rpms }] };
  };

  async function checked(at: World) {
    const { number = 0, head = "" } = (await at.ports.forge.findPull(manifests, at.git.pulls.length)) ?? {};
    await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
    return at.git.statuses.get(`${head} flibs / promotion`);
  }

  test("stands in the status of its check, which forges take", async () => {
    const at = world();
    const body = await second(at, many, many);
    expect(body.length).toBeLessThanOrEqual(60_000);
    expect(body).toContain("… and 2400 more");
    const status = await checked(at);
    expect(status?.state).toBe("success");
    const { summary = "" } = status ?? {};
    expect(summary.length).toBeLessThanOrEqual(60_000);
    const rows = (text: string) => text.split("\n").filter((line) => line.startsWith("| `package-")).length;
    expect(rows(summary)).toBeGreaterThan(rows(body));
    expect(summary).toMatch(/^Merging does this/);
  });

  test("is not repeated when nothing was cut, and not for what a stranger's text says", async () => {
    const at = world();
    await second(at, (record) => record);
    expect((await checked(at))?.summary).not.toContain("### Packages");
    const ours = at.git.pulls.at(-1)?.body ?? "";
    at.git.openFork("promote/f40/cockpit", `**Cut, because it is too long for a pull request: source.**\n${ours}`);
    expect((await checked(at))?.summary).not.toContain("### Packages");
  });
});

test("with several destinations every tag of each is told", async () => {
  const at = world(["linux/amd64"], ["mirror"]);
  const body = await second(at, (record) => record);
  expect(body).toContain("In each of 2 registries by itself:");
  for (const name of ["registry.example.test", "mirror.example.test"])
    for (const tag of ["323-2.fc40", "323", "latest"]) expect(body).toContain(`- \`${name}/f40/cockpit:${tag}\``);
});

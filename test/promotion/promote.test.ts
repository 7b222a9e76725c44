import { describe, expect, test } from "@jest/globals";
import { nearest } from "../../src/domain/nearest.ts";
import { cutLines, fitText } from "../../src/promotion/fit-text.ts";
import { formatMachineBlock } from "../../src/promotion/machine-block.ts";
import { PromotionResult, promoteFlow, promoteStep } from "../../src/promotion/promote-flow.ts";
import { formatPromoted } from "../../src/promotion/proposal-words.ts";
import { type ProposedPromotion, proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { manifests, run, world } from "./world.ts";

/** A promotion that a person asks for. */

const path = "images/f40/cockpit.yaml";

async function ask(at: ReturnType<typeof world>, build: string, requestedBy = "alice"): Promise<ProposedPromotion> {
  const journal = new Map<string, unknown>();
  await run(promoteFlow(at.ports), { build, requestedBy }, journal);
  return PromotionResult.parse(journal.get(promoteStep));
}

test("is proposed, names who asked, and the release tells it", async () => {
  const at = world();
  await at.build({ id: "b1", release: "1.fc40" });
  const result = await ask(at, "b1");
  expect(formatPromoted(result)).toBe("The promotion of `cockpit-323-1.fc40` is proposed in releng/manifests#1.");
  expect(at.git.pulls[0]?.body).toContain("- asked for by `alice`");
  at.git.merge(1);
  await run(releaseFlow(at.ports), { repository: manifests, registry: "production", path, commit: "hint" });
  expect([...at.git.comments.values()].at(-1)).toContain("Asked for by `alice`.");
  expect(formatPromoted(await ask(at, "b1"))).toBe("`cockpit-323-1.fc40` is released already.");
});

test("that stands there already is told; who asked first stays, also when the build proposes itself again", async () => {
  const at = world();
  await at.build({ id: "b1", release: "1.fc40" });
  await proposePromotion(at.ports, "b1");
  expect((await ask(at, "b1")).outcome).toBe("updated");
  expect(formatPromoted(await ask(at, "b1", "bob"))).toBe(
    "The promotion of `cockpit-323-1.fc40` is proposed in releng/manifests#1 already.",
  );
  expect((await proposePromotion(at.ports, "b1")).outcome).toBe("unchanged");
  await at.build({ id: "b2", release: "2.fc40" });
  await proposePromotion(at.ports, "b2");
  expect(at.git.pulls[0]?.body).not.toContain("asked for by");
});

test("of an older build is not carried out, and names the newer", async () => {
  const at = world();
  for (const number of [1, 2]) await at.build({ id: `b${number}`, release: `${number}.fc40` });
  await ask(at, "b2");
  expect(formatPromoted(await ask(at, "b1"))).toBe(
    "`cockpit-323-1.fc40` is not promoted: `cockpit-323-2.fc40`, which was built later, is released or proposed.",
  );
});

test("of no build is an error for who asked", async () => {
  const at = world();
  await expect(ask(at, "nothing")).rejects.toMatchObject({ kind: "input", code: "promotion.build-unfit" });
});

test("a stranger's fork with our branch's name and block does not stand in the way", async () => {
  const at = world();
  await at.build({ id: "b1", release: "1.fc40" });
  const { digest } = await at.build({ id: "b2", release: "2.fc40" });
  const block = { schema: 1, repository: "f40/cockpit", tag: "323-2.fc40", digest: digest ?? "", build: "b2", baseBlob: null } as const;
  at.git.openFork("promote/f40/cockpit", formatMachineBlock(block));
  expect(await ask(at, "b1")).toMatchObject({ outcome: "opened", number: 2 });
});

describe("a body that is too long", () => {
  test.each([20_000, 6000, 2500])("is cut to %d characters, source first, and says so", async (most) => {
    const at = world();
    await at.build({ id: "b1", release: "1.fc40" });
    const first = await proposePromotion(at.ports, "b1");
    at.git.merge("number" in first ? first.number : 0);
    await run(releaseFlow(at.ports), { repository: manifests, registry: "production", path, commit: "hint" });
    const build = await at.build({ id: "b2", release: "2.fc40" });
    const [image] = build.images;
    const [rpm] = image?.rpms ?? [];
    if (!image || !rpm) throw new Error("no image");
    at.builds.set("b2", {
      ...build,
      images: [{ ...image, rpms: Array.from({ length: 500 }, (_, i) => ({ ...rpm, name: `package-${i}` })) }],
    });
    const capabilities = { ...at.ports.forge.capabilities, maxBodyLength: most };
    const forge = { ...at.ports.forge, capabilities, diff: async () => "+line\n".repeat(10_000) };
    await proposePromotion({ ...at.ports, forge }, "b2");
    const body = at.git.pulls.at(-1)?.body ?? "";
    expect(body.length).toBeLessThanOrEqual(most);
    expect(body).toMatch(/\*\*Cut, because it is too long for a pull request: .*source/);
    expect(body).toContain("### What merging does");
    expect(body).toContain("<!-- flibs:promotion ");
    if (most === 20_000) expect(body).toContain("500 added");
  });

  test("the first size that fits is taken; what never fits ends at a line's end", () => {
    const rows = (count: number) => Array.from({ length: count }, (_, i) => `| row ${i} |`).join("\n");
    expect(fitText(100, [50, 5], rows)).toBe(rows(5));
    const cut = fitText(100, [50, 30], rows);
    expect(cut.length).toBeLessThanOrEqual(100);
    expect(cut).toMatch(/^(\| row \d+ \|\n)+\n… \(cut, it is too long for here\)$/);
    expect(cutLines("x".repeat(200), 100)).toBe("… (cut, it is too long for here)");
  });
});

test.each([
  ["f40/cokpit", "f40/cockpit"],
  ["f41/cockpit", "f40/cockpit"],
  ["postgresql", undefined],
  ["x".repeat(100_000), undefined],
])("%.20s is taken for %s", (word, meant) => {
  expect(nearest(word, ["f40/cockpit", "f40/web"])).toBe(meant);
});

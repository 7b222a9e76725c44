import { describe, expect, test } from "@jest/globals";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { manifests, run, world } from "./world.ts";

/** A forge's revert button makes a pull request whose text is the file's former one. */

type World = ReturnType<typeof world>;
const path = "images/f40/cockpit.yaml";
const image = "f40/cockpit";
const release = (at: World) => run(releaseFlow(at.ports), { repository: manifests, registry: "production", path, commit: "hint" });
const mainText = (at: World) => at.git.read(at.git.branches.get("main") ?? "")[path] ?? "";

/** The text of main after each of the releases `323-1.fc40` …, each promoted and released. */
async function released(...numbers: readonly number[]) {
  const at = world();
  const texts: string[] = [];
  for (const number of numbers) {
    await at.build({ id: `b${number}`, release: `${number}.fc40` });
    const proposed = await proposePromotion(at.ports, `b${number}`);
    at.git.merge("number" in proposed ? proposed.number : 0);
    await release(at);
    texts.push(mainText(at));
  }
  return { at, texts };
}

/** A person's pull request that gives the file another text; its number and what its check says. */
async function propose(at: World, text: string | undefined) {
  at.git.branches.set("revert", at.git.branches.get("main") ?? "");
  const head = at.git.commit("revert", { [path]: text });
  const number = at.git.openPull("revert");
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  const status = at.git.statuses.get(`${head} flibs / promotion`);
  if (!status) throw new Error("the check left no status");
  return { number, status };
}

describe("a promotion that is reverted", () => {
  test("takes floating tags back; the release's own tag stays, signed, and is told as unmanaged", async () => {
    const { at, texts } = await released(1, 2);
    const { number, status } = await propose(at, texts[0]);
    expect(status).toMatchObject({ state: "success", title: "reverts 323-2.fc40; writes 323, latest" });
    expect(status.summary).toContain(
      `\`${path}\` no longer speaks of \`323-2.fc40\`: what production has under this name stays as it is, unmanaged. Nothing is deleted;`,
    );
    const signed = at.signers.production.signed.filter((one) => one.publicName.endsWith(":323-2.fc40"));
    at.git.merge(number);
    await release(at);
    expect(at.production.tags.get(`${image}:latest`)).toBe(at.builds.get("b1")?.digest);
    expect(at.production.tags.get(`${image}:323-2.fc40`)).toBe(at.builds.get("b2")?.digest);
    expect(at.signers.production.signed.filter((one) => one.publicName.endsWith(":323-2.fc40"))).toEqual(signed);
    expect(at.reports.at(-1)).toMatchObject({ outcome: "released" });
    expect(at.reports.at(-1)?.lines.map((line) => `${line.tag} ${line.what}`)).toEqual([
      "323-1.fc40 ok",
      "323 moved",
      "latest moved",
      "323-2.fc40 unmanaged",
    ]);
    const told = [...at.git.comments].find(([key]) => key.startsWith(`#${number} release`))?.[1];
    expect(told).toContain("| `323-2.fc40` | unmanaged |");
    expect(told).toContain("Proposed by `alice`.");
  });

  test("can be promoted again afterwards, and the revert be reverted", async () => {
    const { at, texts } = await released(1, 2);
    at.git.merge((await propose(at, texts[0])).number);
    await release(at);
    expect(await proposePromotion(at.ports, "b2")).toMatchObject({ outcome: "opened" });
    const { number, status } = await propose(at, texts[1]);
    expect(status).toMatchObject({ state: "success", title: "writes 323, latest" });
    at.git.merge(number);
    await release(at);
    expect(at.production.tags.get(`${image}:latest`)).toBe(at.builds.get("b2")?.digest);
  });

  test("goes back over several promotions at once", async () => {
    const { at, texts } = await released(1, 2, 3);
    const { status } = await propose(at, texts[0]);
    expect(status.state).toBe("success");
    expect(status.summary).toContain("no longer speaks of `323-2.fc40`, `323-3.fc40`: what production has under these names stays");
  });

  test("says that a withdrawal is taken back with it", async () => {
    const { at } = await released(1, 2);
    const before = mainText(at);
    at.git.commit("main", { [path]: `${before}withdrawn:\n  "323-1.fc40": {reason: CVE, by: alice}\n` });
    const { status } = await propose(at, before);
    expect(status.summary).toContain(`**\`${path}\` no longer withdraws \`323-1.fc40\`: it is signed and tagged again.**`);
  });
});

describe("what only looks like a revert stays refused", () => {
  const drop = (tag: string) => (text: string) =>
    text.replace(new RegExp(` {2}"${tag}":\\n.*\\n.*\\n`), "").replaceAll(`: "${tag}"`, ': "323-1.fc40"');
  const gone = (tag: string) => `the release "${tag}" is gone, releases are append-only`;
  const cases: { name: string; edit: (texts: readonly string[]) => string | undefined; says: string }[] = [
    {
      name: "the newest release taken out by hand, with one more change",
      edit: (texts) => `# tidied\n${texts[1]}`,
      says: gone("323-3.fc40"),
    },
    { name: "a promotion in the middle", edit: (texts) => drop("323-2.fc40")(texts[2] ?? ""), says: gone("323-2.fc40") },
    { name: "the whole file", edit: () => undefined, says: "the file is deleted" },
  ];
  test.each(cases)("$name", async ({ edit, says }) => {
    const { at, texts } = await released(1, 2, 3);
    const { status } = await propose(at, edit(texts));
    expect(status.state).toBe("failure");
    expect(status.title).toContain(says);
  });

  test("a text that came into the history by a branch's own commits, and lacks an old release", async () => {
    const { at, texts } = await released(1, 2, 3);
    // Never main's own text: it stood in the middle of a branch that was merged whole.
    const shortened = drop("323-2.fc40")(texts[2] ?? "");
    at.git.branches.set("topic", at.git.branches.get("main") ?? "");
    at.git.commit("topic", { [path]: shortened });
    at.git.commit("topic", { [path]: texts[2] ?? "", "docs/notes": "1" });
    at.git.merge(at.git.openPull("topic"));
    const { status } = await propose(at, shortened);
    expect(status).toMatchObject({ state: "failure", title: expect.stringContaining(gone("323-2.fc40")) });
  });

  test("a merge that kept the branch's old text and undoes a promotion by oversight", async () => {
    const { at, texts } = await released(1);
    at.git.branches.set("topic", at.git.branches.get("main") ?? "");
    at.git.commit("topic", { "docs/notes": "1" });
    await at.build({ id: "b2", release: "2.fc40" });
    const proposed = await proposePromotion(at.ports, "b2");
    at.git.merge("number" in proposed ? proposed.number : 0);
    const head = at.git.commit("topic", { [path]: texts[0] }, "alice", at.git.branches.get("main"));
    const number = at.git.openPull("topic");
    await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
    expect(at.git.statuses.get(`${head} flibs / promotion`)?.title).toContain(gone("323-2.fc40"));
  });

  test("a revert to a text that moves an immutable tag", async () => {
    const { at, texts } = await released(1, 2);
    const other = await at.build({ id: "b9", release: "9.fc40" });
    const moved = (texts[0] ?? "").replace(/sha256:[0-9a-f]{64}/, other.digest ?? "");
    at.git.commit("main", { [path]: moved });
    at.git.commit("main", { [path]: texts[1] ?? "" });
    const { status } = await propose(at, moved);
    expect(status).toMatchObject({ state: "failure", title: expect.stringContaining("would move") });
  });
});

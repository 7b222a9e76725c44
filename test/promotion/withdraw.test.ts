import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { formatImageFile } from "../../src/promotion/format-image-file.ts";
import { type ParsedImageFile, parseImageFile } from "../../src/promotion/image-file.ts";
import { parseWithdrawalBlock } from "../../src/promotion/machine-block.ts";
import { formatWithdrawn } from "../../src/promotion/proposal-words.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { proposeWithdrawal, type WithdrawalRequest, writeWithdrawal } from "../../src/promotion/propose-withdrawal.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { releaseScanFlow } from "../../src/promotion/release-scan-flow.ts";
import { WithdrawResult, withdrawFlow, withdrawStep } from "../../src/promotion/withdraw-flow.ts";
import { manifests, run, world } from "./world.ts";

/** Taking a release out of use, by a pull request that says why. */

type World = ReturnType<typeof world>;
const path = "images/f40/cockpit.yaml";
const image = "f40/cockpit";
const release = (at: World) => run(releaseFlow(at.ports), { repository: manifests, registry: "production", path, commit: "hint" });
const textAt = (at: World, branch: string) => at.git.read(at.git.branches.get(branch) ?? "")[path] ?? "";

async function released(...numbers: readonly number[]): Promise<World> {
  const at = world();
  for (const number of numbers) {
    await at.build({ id: `b${number}`, release: `${number}.fc40` });
    const proposed = await proposePromotion(at.ports, `b${number}`);
    at.git.merge("number" in proposed ? proposed.number : 0);
    await release(at);
  }
  return at;
}

const ask = (at: World, change: Partial<WithdrawalRequest> = {}) =>
  proposeWithdrawal(at.ports, {
    ...{ imageRepository: image, release: "323-2.fc40", reason: "CVE-2026-1: bad", removeTag: false, requestedBy: "alice" },
    ...change,
  });

async function check(at: World, number: number) {
  const head = (await at.ports.forge.findPull(manifests, number))?.head ?? "";
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  return at.git.statuses.get(`${head} flibs / promotion`);
}

test("the current release: tags go back to what users had, the check agrees, the merge removes its signatures and says who asked", async () => {
  const at = await released(1, 2);
  const bad = at.builds.get("b2")?.digest;
  const proposed = await ask(at);
  expect(proposed).toMatchObject({ outcome: "opened", branch: "withdraw/f40/cockpit", releases: ["323-2.fc40"] });
  expect(await check(at, proposed.number)).toMatchObject({ state: "success" });
  const before = textAt(at, "main");
  at.git.merge(proposed.number);
  expect(textAt(at, "main")).toBe(
    `${before.replace(/(latest|"323"): "[^"]*"/g, '$1: "323-1.fc40"')}withdrawn:\n  "323-2.fc40":\n    reason: "CVE-2026-1: bad"\n    by: "alice"\n`,
  );
  await release(at);
  expect(at.production.tags.get(`${image}:latest`)).toBe(at.builds.get("b1")?.digest);
  expect(at.signers.production.signed.filter((one) => one.digest === bad)).toEqual([]);
  expect(at.signers.production.signed.length).toBeGreaterThan(0);
  expect([...at.git.comments].find(([key]) => key.startsWith(`#${proposed.number} release`))?.[1]).toContain("Asked for by `alice`.");
});

test("an older release moves nothing", async () => {
  const at = await released(1, 2);
  const { number } = await ask(at, { release: "323-1.fc40", removeTag: true });
  expect(at.git.pulls.at(-1)?.body).not.toContain("- floating");
  expect(at.git.pulls.at(-1)?.body).toContain("The tag of `323-1.fc40` is deleted, unless another tag stands at the same image");
  at.git.merge(number);
  await release(at);
  expect(at.production.tags.has(`${image}:323-1.fc40`)).toBe(false);
  expect(at.production.tags.get(`${image}:latest`)).toBe(at.builds.get("b2")?.digest);
});

test("the only release there is: its floating tags leave the file, and the pull request says that users are left without", async () => {
  const at = await released(1);
  const { number } = await ask(at, { release: "323-1.fc40" });
  const { body = "" } = at.git.pulls.at(-1) ?? {};
  expect(body).toContain("`323`, `latest` have no good release to go to and leave the file");
  expect(await check(at, number)).toMatchObject({ state: "success" });
  at.git.merge(number);
  expect(textAt(at, "main")).not.toContain("floating");
  await release(at);
  expect(at.signers.production.signed).toEqual([]);
});

test("a second release is added to the open pull request; asked for twice it is one, and who asked first stays", async () => {
  const at = await released(1, 2, 3);
  const first = await ask(at, { release: "323-3.fc40" });
  const second = await ask(at, { release: "323-2.fc40", requestedBy: "bob" });
  expect(second).toMatchObject({ outcome: "updated", number: first.number, releases: ["323-3.fc40", "323-2.fc40"] });
  expect(await ask(at, { release: "323-3.fc40", requestedBy: "carol" })).toMatchObject({ outcome: "unchanged" });
  const text = textAt(at, "withdraw/f40/cockpit");
  expect(text).toContain('latest: "323-1.fc40"');
  expect(text).toContain('by: "alice"');
  expect(text).toContain('by: "bob"');
  expect(text).not.toContain("carol");
});

test("where floating tags go can be named", async () => {
  const at = await released(1, 2, 3);
  await ask(at, { release: "323-3.fc40", to: "323-1.fc40" });
  expect(textAt(at, "withdraw/f40/cockpit")).toContain('latest: "323-1.fc40"');
});

test("a person's commit on its branch is left alone: a second branch, and both say so", async () => {
  const at = await released(1, 2);
  const { number } = await ask(at);
  at.git.commit("withdraw/f40/cockpit", { notes: "mine" });
  const second = await ask(at, { release: "323-1.fc40" });
  expect(second).toMatchObject({ outcome: "opened", branch: "withdraw/f40/cockpit-2" });
  expect(at.git.comments.get(`#${number} person-owned`)).toContain(`#${second.number}`);
});

test("follows main: what another pull request withdrew meanwhile is not asked for again", async () => {
  const at = await released(1, 2, 3);
  const { number } = await ask(at, { release: "323-3.fc40" });
  await ask(at, { release: "323-2.fc40" });
  at.git.commit("main", { [path]: `${textAt(at, "main")}withdrawn:\n  "323-2.fc40":\n    reason: "by hand"\n    by: "bob"\n` });
  await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
  expect(textAt(at, "withdraw/f40/cockpit")).toContain('reason: "by hand"');
  expect(await check(at, number)).toMatchObject({ state: "success" });
  expect(parseWithdrawalBlock(at.git.pulls.at(-1)?.body ?? "")?.entries.map((entry) => entry.release)).toEqual(["323-3.fc40"]);
});

describe("what is refused", () => {
  const refused: { name: string; change: Partial<WithdrawalRequest>; code: string; hint: string }[] = [
    {
      name: "an image nobody knows",
      change: { imageRepository: "f40/cokpit" },
      code: "promotion.image-unknown",
      hint: "Did you mean f40/cockpit?",
    },
    {
      name: "a release nobody knows",
      change: { release: "323-2.fc41" },
      code: "promotion.release-unknown",
      hint: "Did you mean 323-2.fc40?",
    },
    { name: "a goal nobody knows", change: { to: "constructor" }, code: "promotion.release-unknown", hint: "Releases are" },
    { name: "to itself", change: { to: "323-2.fc40" }, code: "promotion.release-withdrawn", hint: "Use one of 323-1.fc40" },
  ];
  test.each(refused)("$name", async ({ change, code, hint }) => {
    const at = await released(1, 2);
    await expect(ask(at, change)).rejects.toMatchObject({ kind: "input", code, hint: expect.stringContaining(hint) });
    expect(at.git.pulls).toHaveLength(2);
  });

  test("what is withdrawn already", async () => {
    const at = await released(1, 2);
    at.git.merge((await ask(at)).number);
    await expect(ask(at)).rejects.toMatchObject({ code: "promotion.already-withdrawn" });
    await expect(ask(at, { release: "323-1.fc40", to: "323-2.fc40" })).rejects.toMatchObject({ code: "promotion.release-withdrawn" });
  });

  test("more than ten in one pull request", async () => {
    const at = world();
    const releases = Array.from({ length: 11 }, (_, n) => `  "323-${n}":\n    digest: sha256:${"a".repeat(64)}\n    build: "b"\n`).join("");
    at.git.commit("main", { [path]: `schema: 1\nrepository: f40/cockpit\nreleases:\n${releases}` });
    for (let n = 0; n < 10; n += 1) await ask(at, { release: `323-${n}`, reason: ">-@#".repeat(100) });
    expect(at.git.pulls[0]?.body.length).toBeLessThan(60_000);
    await expect(ask(at, { release: "323-10" })).rejects.toMatchObject({ hint: expect.stringContaining("Merge or close") });
    expect(parseWithdrawalBlock(at.git.pulls[0]?.body ?? "")?.entries).toHaveLength(10);
  });
});

test("the flow leaves its outcome in the journal, and it reads as one line", async () => {
  const at = await released(1, 2);
  const journal = new Map<string, unknown>();
  const intent = { imageRepository: image, release: "323-2.fc40", reason: "CVE", removeTag: true, requestedBy: "alice" };
  await run(withdrawFlow(at.ports), intent, journal);
  const result = WithdrawResult.parse(journal.get(withdrawStep));
  expect(formatWithdrawn(result)).toBe("Withdrawing `323-2.fc40` of `f40/cockpit` is proposed in releng/manifests#3.");
});

test("whatever the reason: one line of the file, one line of the body, nothing of it is markup, and it reads back", async () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const bytes = (text: string) => new TextEncoder().encode(text);
  const file = `# ours\nschema: 1\nrepository: f40/cockpit\nreleases:\n  "1-1":\n    digest: ${digest}\n    build: "b" # first\n  "1-2":\n    digest: ${digest}\n    build: "b"\nfloating:\n  "1": "1-2"\n  latest: "1-2" # here\n`;
  const parsed = parseImageFile(path, bytes(file)) as ParsedImageFile;
  const reason = fc.oneof(
    fc.string({ minLength: 1, unit: "grapheme" }),
    fc.constantFrom('"\n  x: y', "@all #1 <b> | `x`", "\u2028\u202e", "*/\\ --> "),
  );
  const at = await released(1, 2);
  await fc.assert(
    fc.asyncProperty(reason, fc.boolean(), async (text, removeTag) => {
      await ask(at, { reason: text, removeTag });
      const { body = "" } = at.git.pulls.at(-1) ?? {};
      const [entry] = parseWithdrawalBlock(body)?.entries ?? [];
      if (!entry) throw new Error("the block does not read back");
      const told = body.split("\n").filter((line) => line.startsWith("- `323-2.fc40`: "));
      expect(told).toHaveLength(1);
      expect(told[0]).not.toMatch(/@(?!\u200b)|<|\|/);
      const plan = {
        withdrawn: [{ ...entry, release: "1-2" }],
        moves: [{ tag: "latest", from: "1-2", to: "1-1" }],
        dropped: [{ tag: "1", from: "1-2" }],
      };
      const written = writeWithdrawal(path, parsed, plan);
      const again = parseImageFile(path, bytes(written));
      if (!again.ok) throw new Error(again.faults[0]?.message);
      expect(again.value.withdrawn?.["1-2"]).toEqual({ reason: entry.reason, by: "alice", ...(removeTag ? { removeTag } : {}) });
      expect(again.value.floating).toEqual({ latest: "1-1" });
      for (const comment of ["# ours", "# first", "# here"]) expect(written).toContain(comment);
      expect(formatImageFile(path, bytes(written))).toEqual({ ok: true, text: written, changed: false });
    }),
    { numRuns: 60 },
  );
});

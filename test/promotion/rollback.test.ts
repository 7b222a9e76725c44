import { describe, expect, test } from "@jest/globals";
import { appError } from "../../src/domain/errors.ts";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { formatRolledBack } from "../../src/promotion/proposal-words.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { proposeRollback } from "../../src/promotion/propose-rollback.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { releaseScanFlow } from "../../src/promotion/release-scan-flow.ts";
import { RollbackResult, rollbackFlow, rollbackStep } from "../../src/promotion/rollback-flow.ts";
import { manifests, run, world } from "./world.ts";

/** Pointing users back to an older release, by a pull request that changes floating tags and nothing else. */

type World = ReturnType<typeof world>;
const path = "images/f40/cockpit.yaml";
const image = "f40/cockpit";
const release = (at: World) => run(releaseFlow(at.ports), { repository: manifests, registry: "production", path, commit: "hint" });
const mainText = (at: World) => at.git.read(at.git.branches.get("main") ?? "")[path] ?? "";
const edit = (at: World, change: (text: string) => string) => at.git.commit("main", { [path]: change(mainText(at)) });
const points = (text: string, to: string) => text.replace(/(latest|"323"): "[^"]*"/g, `$1: "${to}"`);

/** Releases `323-1.fc40` … one after another, each by its own promotion. */
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

const ask = (at: World, to?: string, requestedBy = "alice") => proposeRollback(at.ports, { imageRepository: image, to, requestedBy });

async function check(at: World, number: number) {
  const head = (await at.ports.forge.findPull(manifests, number))?.head ?? "";
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  return at.git.statuses.get(`${head} flibs / promotion`);
}

describe("where it goes", () => {
  test("back to what users had before; the check agrees, the merge moves the tags, and nothing is lost", async () => {
    const at = await released(1, 2);
    const before = mainText(at);
    const proposed = await ask(at);
    expect(proposed).toMatchObject({
      outcome: "opened",
      branch: "rollback/f40/cockpit",
      from: "323-2.fc40",
      to: "323-1.fc40",
      tags: ["323", "latest"],
    });
    expect(await check(at, proposed.number)).toMatchObject({ state: "success", title: "writes 323, latest" });
    at.git.merge(proposed.number);
    expect(mainText(at)).toBe(points(before, "323-1.fc40"));
    await release(at);
    expect(at.production.tags.get(`${image}:latest`)).toBe(at.builds.get("b1")?.digest);
    expect(at.production.tags.get(`${image}:323-2.fc40`)).toBe(at.builds.get("b2")?.digest);
    expect([...at.git.comments].find(([key]) => key.startsWith(`#${proposed.number} release`))?.[1]).toContain("Asked for by `alice`.");
  });

  test("a second roll-back goes further back, never forward to what was left", async () => {
    const at = await released(1, 2, 3);
    at.git.merge((await ask(at)).number);
    expect(await ask(at)).toMatchObject({ from: "323-2.fc40", to: "323-1.fc40" });
  });

  test("to what users had, not to a release in between that they never had", async () => {
    const at = await released(1);
    const [two, three] = [await at.build({ id: "b2", release: "2.fc40" }), await at.build({ id: "b3", release: "3.fc40" })];
    const entry = (tag: string, build: typeof two) => `  "${tag}":\n    digest: ${build.digest}\n    build: "${build.id}"\n`;
    edit(at, (text) =>
      points(text.replace("floating:\n", `${entry("323-2.fc40", two)}${entry("323-3.fc40", three)}floating:\n`), "323-3.fc40"),
    );
    expect(await ask(at)).toMatchObject({ from: "323-3.fc40", to: "323-1.fc40" });
    expect(await ask(at, "323-2.fc40")).toMatchObject({ outcome: "updated", to: "323-2.fc40" });
  });

  test("without a history, to the release before that is not withdrawn", async () => {
    const at = await released(1, 2, 3);
    const text = `${mainText(at)}withdrawn:\n  "323-2.fc40": {reason: CVE, by: alice}\n`;
    at.git.branches.delete("main");
    at.git.commit("main", { ...at.git.read(at.git.pulls[0]?.head ?? ""), [path]: text });
    expect(await ask(at)).toMatchObject({ from: "323-3.fc40", to: "323-1.fc40" });
  });

  test("forward again when somebody names the release", async () => {
    const at = await released(1, 2);
    at.git.merge((await ask(at)).number);
    await release(at);
    const proposed = await ask(at, "323-2.fc40");
    expect(at.git.pulls.at(-1)?.body).toContain("this moves users to a release that came after theirs");
    expect((await check(at, proposed.number))?.state).toBe("success");
  });

  test("a listed release that no floating tag ever pointed to is as good", async () => {
    const at = await released(2);
    const one = await at.build({ id: "b1", release: "1.fc40" });
    edit(at, (text) => text.replace("floating:\n", `  "323-1.fc40":\n    digest: ${one.digest}\n    build: "b1"\nfloating:\n`));
    await release(at);
    const proposed = await ask(at, "323-1.fc40");
    expect(await check(at, proposed.number)).toMatchObject({ state: "success", title: "writes 323, latest" });
  });

  test("a tag that points elsewhere stays, and one that never was elsewhere is told", async () => {
    const at = await released(1);
    await at.build({ id: "b2", release: "2.fc40", version: "324" });
    const two = await proposePromotion(at.ports, "b2");
    at.git.merge("number" in two ? two.number : 0);
    const proposed = await ask(at);
    expect(proposed).toMatchObject({ from: "324-2.fc40", to: "323-1.fc40", tags: ["324", "latest"] });
    expect(at.git.pulls.at(-1)?.body).toContain("**Attention: `324` never pointed to another release;");
  });
});

describe("the pull request", () => {
  test("says what moves, from what to what, and what merging does", async () => {
    const at = await released(1, 2);
    const { number } = await ask(at);
    const pull = at.git.pulls.find((one) => one.number === number);
    expect(pull?.title).toBe("roll back f40/cockpit: 323-2.fc40 -> 323-1.fc40");
    const digest = (id: string) => at.builds.get(id)?.digest;
    expect(pull?.body.split("\n").filter((line) => !line.startsWith("<!--"))).toEqual([
      "## `323-2.fc40` (`cockpit-323-2.fc40`) → back to `323-1.fc40` (`cockpit-323-1.fc40`)",
      "",
      "**Attention: this moves users back: what was mended since is broken for them again, security faults too.**",
      "",
      "- image: `registry.example.test/f40/cockpit`",
      `- now: \`323-2.fc40\`, digest \`${digest("b2")}\``,
      `- then: \`323-1.fc40\`, digest \`${digest("b1")}\``,
      "- floating `323`: `323-2.fc40` → `323-1.fc40`",
      "- floating `latest`: `323-2.fc40` → `323-1.fc40`",
      "- asked for by `alice`",
      "- build that users get: http://flibs.example.test/b1",
      "",
      "### Packages",
      "",
      "`linux/amd64`: 0 upgraded, 1 downgraded, 0 added, 0 removed",
      "",
      "| package | | before | after |",
      "|---|---|---|---|",
      "| `bash.x86_64` | **downgraded** | `5.2-2.fc40` | `5.2-1.fc40` |",
      "",
      "### Configuration",
      "",
      "| platform | field | before | after |",
      "|---|---|---|---|",
      "| all | Label release | `2.fc40` | `1.fc40` |",
      "",
      "### What merging does",
      "",
      "Nothing is built and nothing is deleted. These tags are signed for the other image and moved, in this order:",
      "",
      "- `registry.example.test/f40/cockpit:323`",
      "- `registry.example.test/f40/cockpit:latest`",
      "",
      "`323-2.fc40` stays released under its own name; to stop its use add it under `withdrawn:`. The next promotion moves these tags forward again.",
      "",
    ]);
  });

  test("asked for twice it is one, and names who asked first", async () => {
    const at = await released(1, 2);
    const first = await ask(at);
    expect(await ask(at, undefined, "bob")).toMatchObject({ outcome: "unchanged", number: first.number, head: first.head });
    expect(at.git.pulls.at(-1)?.body).toContain("asked for by `alice`");
  });

  test("a person's commit on its branch is left alone", async () => {
    const at = await released(1, 2);
    const first = await ask(at);
    at.git.commit(first.branch, { "docs/notes": "by hand" });
    const second = await ask(at);
    expect(second).toMatchObject({ outcome: "opened", branch: "rollback/f40/cockpit-2" });
    expect(at.git.comments.get(`#${first.number} person-owned`)).toContain(`#${second.number}`);
  });

  test("a fork's branch of the same name is nobody's concern", async () => {
    const at = await released(1, 2);
    const theirs = at.git.openFork("rollback/f40/cockpit", "");
    const ours = await ask(at);
    expect(ours).toMatchObject({ outcome: "opened", branch: "rollback/f40/cockpit" });
    expect(ours.number).not.toBe(theirs);
  });

  test("follows main while users still have what it leads away from, and is left when they have not", async () => {
    const at = await released(1, 2);
    const { number, head } = await ask(at);
    edit(at, (text) => `# a comment\n${text}`);
    await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
    const followed = (await at.ports.forge.findPull(manifests, number))?.head ?? "";
    expect(followed).not.toBe(head);
    expect((await check(at, number))?.state).toBe("success");
    await at.build({ id: "b3", release: "3.fc40" });
    const three = await proposePromotion(at.ports, "b3");
    at.git.merge("number" in three ? three.number : 0);
    await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
    expect((await at.ports.forge.findPull(manifests, number))?.head).toBe(followed);
    expect((await check(at, number))?.summary).toContain("CK10");
  });

  test("a registry that is away holds up this one only: the scan ends, others are checked, a later scan follows", async () => {
    const at = await released(1, 2);
    const { number, head } = await ask(at);
    edit(at, (text) => `# a comment\n${text}`);
    at.git.branches.set("topic", at.git.branches.get("main") ?? "");
    const other = at.git.openPull("topic");
    const away = async () => {
      throw appError("registry.unreachable", "production answered 503");
    };
    const registries: typeof at.ports.registries = {
      named: (name) =>
        name === "production" ? { ...at.ports.registries.named(name), readManifest: away } : at.ports.registries.named(name),
    };
    at.started.length = 0;
    await run(releaseScanFlow({ ...at.ports, registries }), { repository: manifests, full: false });
    expect((await at.ports.forge.findPull(manifests, number))?.head).toBe(head);
    expect(at.started.filter((one) => one.flow === "check-promotion").map((one) => one.subject)).toEqual([
      `check ${manifests} #${number}`,
      `check ${manifests} #${other}`,
    ]);
    await run(releaseScanFlow(at.ports), { repository: manifests, full: false });
    expect((await at.ports.forge.findPull(manifests, number))?.head).not.toBe(head);
  });

  test("fits into what the forge takes, and says what was cut", async () => {
    const at = await released(1, 2);
    const build = at.builds.get("b1");
    const [one] = build?.images ?? [];
    const [rpm] = one?.rpms ?? [];
    if (!build || !one || !rpm) throw new Error("no build");
    const rpms = Array.from({ length: 3000 }, (_, i) => ({ ...rpm, name: `package-${i}` }));
    at.builds.set("b1", { ...build, images: [{ ...one, rpms }] });
    const small = { ...at.ports.forge, capabilities: { ...at.ports.forge.capabilities, maxBodyLength: 4000 } };
    await proposeRollback({ ...at.ports, forge: small }, { imageRepository: image, requestedBy: "alice" });
    const body = at.git.pulls.at(-1)?.body ?? "";
    expect(body.length).toBeLessThanOrEqual(4000);
    expect(body).toContain("… and 3001 more");
    expect(body).toContain("### What merging does");
    expect(body).toContain("<!-- flibs:rollback ");
  });
});

describe("what is refused", () => {
  const refused: { name: string; request: { imageRepository?: string; to?: string }; code: string; says: string; hint: string }[] = [
    {
      name: "an image nobody knows",
      request: { imageRepository: "f40/cokpit" },
      code: "promotion.image-unknown",
      says: '"f40/cokpit"',
      hint: "Did you mean f40/cockpit?",
    },
    {
      name: "an image without its namespace",
      request: { imageRepository: "cockpit" },
      code: "promotion.image-unknown",
      says: '"cockpit"',
      hint: "Did you mean f40/cockpit?",
    },
    {
      name: "what is no name at all",
      request: { imageRepository: "../policy" },
      code: "promotion.image-unknown",
      says: "no released image",
      hint: "Write namespace/name",
    },
    {
      name: "a release nobody knows",
      request: { to: "323-1.fc41" },
      code: "promotion.release-unknown",
      says: '"323-1.fc41"',
      hint: "Did you mean 323-1.fc40?",
    },
    {
      name: "a word that every object has",
      request: { to: "constructor" },
      code: "promotion.release-unknown",
      says: '"constructor"',
      hint: "Releases are 322-9.fc40, 323-1.fc40, 323-2.fc40",
    },
    {
      name: "a withdrawn release",
      request: { to: "322-9.fc40" },
      code: "promotion.release-withdrawn",
      says: "is withdrawn: CVE",
      hint: "Use one of 323-1.fc40",
    },
    {
      name: "where users are already",
      request: { to: "323-2.fc40" },
      code: "promotion.nothing-to-roll-back",
      says: "323, latest point to 323-2.fc40 already",
      hint: "Name another release",
    },
  ];
  test.each(refused)("$name", async ({ request, code, says, hint }) => {
    const at = await released(1, 2);
    edit(
      at,
      (text) =>
        `${text.replace("releases:\n", `releases:\n  "322-9.fc40":\n    digest: sha256:${"a".repeat(64)}\n    build: "b0"\n`)}withdrawn:\n  "322-9.fc40": {reason: CVE, by: alice}\n`,
    );
    const asked = proposeRollback(at.ports, { imageRepository: image, requestedBy: "alice", ...request });
    await expect(asked).rejects.toMatchObject({
      kind: "input",
      code,
      message: expect.stringContaining(says),
      hint: expect.stringContaining(hint),
    });
    expect(at.git.pulls).toHaveLength(2);
  });

  test("the only release there is", async () => {
    const at = await released(1);
    await expect(ask(at)).rejects.toMatchObject({
      code: "promotion.nothing-to-roll-back",
      message: expect.stringContaining("no release before 323-1.fc40"),
    });
  });

  test("a release whose bytes are gone is proposed with a warning and fails its check", async () => {
    const at = await released(1, 2);
    const digest = at.builds.get("b1")?.digest;
    for (const place of [at.candidate, at.production]) place.manifests.delete(`${image}@${digest}`);
    at.production.tags.delete(`${image}:323-1.fc40`);
    const { number } = await ask(at);
    expect(at.git.pulls.at(-1)?.body).toContain("production has no whole image of this release");
    expect(await check(at, number)).toMatchObject({ state: "failure", summary: expect.stringContaining("(CK3)") });
  });
});

test("the flow leaves its outcome in the journal, and it reads as one line", async () => {
  const at = await released(1, 2);
  const journal = new Map<string, unknown>();
  await run(rollbackFlow(at.ports), { imageRepository: image, requestedBy: "alice" }, journal);
  const result = RollbackResult.parse(journal.get(rollbackStep));
  expect(formatRolledBack(result)).toBe(
    "Moving `323`, `latest` of `f40/cockpit` from `323-2.fc40` to `323-1.fc40` is proposed in releng/manifests#3.",
  );
  expect(formatRolledBack({ ...result, outcome: "unchanged" })).toMatch(/is proposed in releng\/manifests#3 already\.$/);
});
